"""The models that differences are planted in. Runs inside an environment, on Python 3.8 and later."""

import numpy as np

import tensorflow as tf

K = tf.keras
L = K.layers
KERAS_3 = hasattr(K, "ops")
random = np.random.RandomState


@K.utils.register_keras_serializable("sabotage")
class Scale(L.Layer):
    """A layer whose author left an argument out of `get_config`."""

    def __init__(self, factor=2.0, slope=0.5, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.slope = slope

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return dict(super().get_config(), factor=self.factor)


def optimizer(kind, *arguments, **named):
    """Return an optimizer of the release's own default generation."""
    return getattr(K.optimizers, kind)(*arguments, **named)


def dense():
    """Two outputs, normalization, dropout, regularizers and constraints; Adam with moments."""
    inputs = K.Input((6,), name="features")
    x = L.Dense(
        8,
        activation="relu",
        name="first",
        kernel_regularizer=K.regularizers.l2(0.01),
        activity_regularizer=K.regularizers.l2(0.001),
        bias_constraint=K.constraints.MaxNorm(2.0),
    )(inputs)
    x = L.Dense(8, name="square", kernel_initializer="he_normal")(x)
    x = L.BatchNormalization(name="norm", momentum=0.9, epsilon=0.01)(x)
    x = L.Dropout(0.5, seed=3, name="drop")(x)
    x = L.Dense(4)(x)
    x = L.ELU(0.7, name="elu")(x)
    x = Scale(2.0, 0.5, name="scaled")(x)
    left = L.Dense(1, name="left")(x)
    right = L.Dense(3, activation="softmax", name="right")(x)
    model = K.Model(inputs, [left, right])
    model.compile(
        optimizer("Adam", 0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-6),
        loss=[K.losses.Huber(delta=0.5), K.losses.CategoricalCrossentropy(label_smoothing=0.1)],
        loss_weights=[1.0, 0.5],
        metrics=[
            [K.metrics.RootMeanSquaredError(name="rmse")],
            [K.metrics.TopKCategoricalAccuracy(k=2, name="top")],
        ],
        weighted_metrics=[["mae"], ["categorical_accuracy"]],
    )
    model.fit(
        random(1).normal(size=(8, 6)).astype("float32"),
        [np.ones((8, 1), "float32"), np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2, 0, 1]]],
        epochs=2,
        verbose=0,
    )
    return model


def sequence():
    """A masked sequence model with a learning rate schedule and momentum."""
    schedule = K.optimizers.schedules.ExponentialDecay(0.05, 20, 0.9, staircase=False)
    model = K.Sequential(
        [
            K.Input((5,), dtype="int32"),
            L.Embedding(9, 4, mask_zero=True, name="words", embeddings_regularizer="l2"),
            # Unrolled: what Keras 2 does else is traced, which takes seconds for each load.
            L.Bidirectional(
                L.LSTM(3, return_sequences=True, dropout=0.2, unroll=True), name="both"
            ),
            L.GRU(4, name="gru", recurrent_dropout=0.1, unroll=True),
            L.Dense(1, activation="sigmoid", name="answer"),
        ]
    )
    model.compile(
        optimizer("SGD", schedule, momentum=0.8, nesterov=True),
        loss=K.losses.BinaryCrossentropy(),
        metrics=[K.metrics.BinaryAccuracy(threshold=0.6), K.metrics.AUC(num_thresholds=50)],
    )
    model.fit(random(2).randint(1, 9, (8, 5)), random(3).randint(0, 2, (8, 1)), verbose=0)
    return model


def image():
    """Convolutions, pooling and noise; not compiled, so that every format holds all of it."""
    inputs = K.Input((8, 8, 3))
    x = L.Conv2D(4, (3, 3), padding="same", dilation_rate=1, name="conv")(inputs)
    x = L.SpatialDropout2D(0.3, name="spatial")(x)
    x = L.DepthwiseConv2D((3, 3), padding="same", depth_multiplier=1, name="depthwise")(x)
    x = L.GaussianNoise(0.2, name="noise")(x)
    x = L.LayerNormalization(name="norm", epsilon=0.002)(x)
    x = L.MaxPooling2D((2, 2), name="pool")(x)
    x = L.UpSampling2D((2, 2), name="up", interpolation="nearest")(x)
    x = L.Conv2DTranspose(2, (2, 2), strides=(2, 2), name="transposed")(x)
    x = L.PReLU(shared_axes=[1, 2], name="prelu")(x)
    x = L.GlobalAveragePooling2D(name="mean")(x)
    return K.Model(inputs, L.Dense(2, name="answer")(x))


def plain():
    """The smallest compiled model, never trained: RMSprop, one loss."""
    model = K.Sequential(
        [K.Input((4,)), L.Dense(5, name="first"), L.ReLU(name="relu"), L.Dense(1, name="answer")]
    )
    model.compile(
        optimizer("RMSprop", 0.02, rho=0.8, momentum=0.1),
        loss="mean_squared_error",
        metrics=["mae"],
    )
    return model


def numbers():
    """Layers with a state that is not trained: statistics, bins and noise of pictures."""
    norm = L.Normalization(name="norm")
    norm.adapt(random(8).normal(2.0, 3.0, (20, 3)).astype("float32"))
    inputs = K.Input((3,))
    x = norm(inputs)
    x = L.Rescaling(0.5, offset=0.1, name="rescaling")(x)
    return K.Model(inputs, L.Dense(2, name="answer")(x))


def pictures():
    """Augmentation: it does something in training alone."""
    inputs = K.Input((8, 8, 3))
    x = L.RandomFlip("horizontal", seed=4, name="flip")(inputs)
    x = L.RandomRotation(0.1, seed=5, name="rotation")(x)
    x = L.RandomContrast(0.2, seed=6, name="contrast")(x)
    return K.Model(inputs, L.Dense(2, name="answer")(L.Flatten(name="flat")(x)))


def codes():
    """A vocabulary of numbers, and hashing."""
    inputs = K.Input((2,), dtype="int64")
    lookup = L.IntegerLookup(vocabulary=[3, 5, 7], name="lookup")
    hashed = L.Hashing(num_bins=6, name="hashing")
    x = lookup(inputs)
    y = L.Embedding(8, 2, name="words")(x)
    z = L.Embedding(8, 2, name="hashes")(hashed(inputs))
    return K.Model(
        inputs, L.Dense(1, name="answer")(L.Flatten(name="flat")(L.Add(name="sum")([y, z])))
    )


def policy():
    """A layer that computes in half precision."""
    name = "mixed_float16"
    inputs = K.Input((4,))
    x = L.Dense(3, dtype=name, name="half")(inputs)
    return K.Model(inputs, L.Dense(1, dtype="float32", name="answer")(x))


def quantized():
    """Weights in eight bits, with their scale."""
    model = K.Sequential([K.Input((4,)), L.Dense(3, name="small"), L.Dense(2, name="answer")])
    model.quantize("int8")
    return model


MODELS = dict(
    dense=dense,
    sequence=sequence,
    image=image,
    plain=plain,
    numbers=numbers,
    pictures=pictures,
    codes=codes,
    policy=policy,
    quantized=quantized,
)


def inputs(name):
    """Return the sample inputs of a model."""
    draw = random(9)
    if name == "sequence":
        return [
            np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8], [2, 2, 0, 0, 0], [8, 1, 1, 3, 0]], "int32")
        ]
    if name == "codes":
        return [np.array([[3, 5], [7, 1], [5, 5], [9, 3]], "int64")]
    shape = {"dense": (6,), "image": (8, 8, 3), "pictures": (8, 8, 3), "numbers": (3,)}
    return [draw.normal(size=(4, *shape.get(name, (4,)))).astype("float32")]
