"""Differences that mean nothing: one model spelled in two ways, and loaded models changed vainly.

Each of `LAYERS` and `COMPILED` is a name and two spellings: one is saved and loaded, and judged as
if the other had been saved. `VAIN` are plants as in `differences.py` after which nothing is other.
"""

import numpy as np
from differences import ALL, WHOLE, call_it, compiled, layer, tuned
from models import KERAS_3, K, L, optimizer

I = K.initializers
A = K.activations
R = K.regularizers

# name, shape of the input, two ways to make the layer
LAYERS = [
    ("an activation by name and as function", (4,), lambda: L.Dense(2, activation="relu"), lambda: L.Dense(2, activation=A.relu)),
    ("no activation and a linear one", (4,), lambda: L.Dense(2), lambda: L.Dense(2, activation="linear")),
    ("use_bias spelled out", (4,), lambda: L.Dense(2), lambda: L.Dense(2, use_bias=True)),
    ("an initializer by name and as object", (4,), lambda: L.Dense(2), lambda: L.Dense(2, kernel_initializer=I.GlorotUniform())),
    ("an initializer's old name", (4,), lambda: L.Dense(2, bias_initializer="zeros"), lambda: L.Dense(2, bias_initializer=I.Zeros())),
    ("ones", (4,), lambda: L.Dense(2, bias_initializer="ones"), lambda: L.Dense(2, bias_initializer=I.Ones())),
    ("an orthogonal initializer", (4,), lambda: L.Dense(2, kernel_initializer="orthogonal"), lambda: L.Dense(2, kernel_initializer=I.Orthogonal())),
    ("he_normal", (4,), lambda: L.Dense(2, kernel_initializer="he_normal"), lambda: L.Dense(2, kernel_initializer=I.HeNormal() if hasattr(I, "HeNormal") else I.he_normal())),
    ("a regularizer of nothing", (4,), lambda: L.Dense(2), lambda: L.Dense(2, kernel_regularizer=None)),
    ("a regularizer as object twice", (4,), lambda: L.Dense(2, kernel_regularizer=R.l2(0.01)), lambda: L.Dense(2, kernel_regularizer=R.l2(0.01))),
    ("a dtype spelled out", (4,), lambda: L.Dense(2), lambda: L.Dense(2, dtype="float32")),
    ("a policy as object", (4,), lambda: L.Dense(2), lambda: L.Dense(2, dtype=(K.DTypePolicy if KERAS_3 else K.mixed_precision.Policy)("float32"))),
    ("trainable spelled out", (4,), lambda: L.Dense(2), lambda: L.Dense(2, trainable=True)),
    ("an automatic name and another number", (4,), lambda: L.Dense(2, name="dense_7"), lambda: L.Dense(2, name="dense_12")),
    ("an automatic name without a number", (4,), lambda: L.Dense(2, name="dense"), lambda: L.Dense(2, name="dense_3")),
    ("a kernel size once and for each axis", (8, 8, 2), lambda: L.Conv2D(2, 3), lambda: L.Conv2D(2, (3, 3))),
    ("strides once and for each axis", (8, 8, 2), lambda: L.Conv2D(2, 3, strides=2), lambda: L.Conv2D(2, 3, strides=(2, 2))),
    ("a list and a tuple", (8, 8, 2), lambda: L.Conv2D(2, [3, 3]), lambda: L.Conv2D(2, (3, 3))),
    ("padding spelled out", (8, 8, 2), lambda: L.Conv2D(2, 3), lambda: L.Conv2D(2, 3, padding="valid")),
    ("padding in capitals", (8, 8, 2), lambda: L.Conv2D(2, 3, padding="same"), lambda: L.Conv2D(2, 3, padding="SAME")),
    ("data_format spelled out", (8, 8, 2), lambda: L.Conv2D(2, 3), lambda: L.Conv2D(2, 3, data_format="channels_last")),
    ("dilation spelled out", (8, 8, 2), lambda: L.Conv2D(2, 3), lambda: L.Conv2D(2, 3, dilation_rate=(1, 1))),
    ("a pool size once and for each axis", (8, 8, 2), lambda: L.MaxPooling2D(2), lambda: L.MaxPooling2D((2, 2))),
    ("strides of a pool that are its size", (8, 8, 2), lambda: L.MaxPooling2D(2), lambda: L.MaxPooling2D(2, strides=2)),
    ("AveragePooling2D by its other name", (8, 8, 2), lambda: L.AveragePooling2D(2), lambda: L.AvgPool2D(2)),
    ("Conv2D by its other name", (8, 8, 2), lambda: L.Conv2D(2, 3), lambda: L.Convolution2D(2, 3)),
    ("the axis of BatchNormalization", (4,), lambda: L.BatchNormalization(), lambda: L.BatchNormalization(axis=-1)),
    ("the axis counted from the left", (4,), lambda: L.BatchNormalization(axis=-1), lambda: L.BatchNormalization(axis=1)),
    ("momentum of BatchNormalization spelled out", (4,), lambda: L.BatchNormalization(), lambda: L.BatchNormalization(momentum=0.99)),
    ("epsilon of BatchNormalization spelled out", (4,), lambda: L.BatchNormalization(), lambda: L.BatchNormalization(epsilon=0.001)),
    ("the axis of LayerNormalization", (4,), lambda: L.LayerNormalization(), lambda: L.LayerNormalization(axis=-1)),
    ("the axis of LayerNormalization as list", (4,), lambda: L.LayerNormalization(axis=-1), lambda: L.LayerNormalization(axis=[1])),
    ("a rate as number of another type", (4,), lambda: L.Dropout(0.5), lambda: L.Dropout(np.float64(0.5))),
    ("a rate of zero", (4,), lambda: L.Dropout(0), lambda: L.Dropout(0.0)),
    ("no seed", (4,), lambda: L.Dropout(0.5), lambda: L.Dropout(0.5, seed=None)),
    ("a shape as list and as tuple", (4,), lambda: L.Reshape((2, 2)), lambda: L.Reshape([2, 2])),
    ("a shape of which one size is open", (4,), lambda: L.Reshape((4,)), lambda: L.Reshape((4,))),
    ("an activation layer by name and function", (4,), lambda: L.Activation("tanh"), lambda: L.Activation(A.tanh)),
    ("the slope of LeakyReLU spelled out", (4,), lambda: L.LeakyReLU(), lambda: L.LeakyReLU(0.3)),
    ("alpha of ELU spelled out", (4,), lambda: L.ELU(), lambda: L.ELU(1.0)),
    ("the activation of an LSTM spelled out", (3, 2), lambda: L.LSTM(2), lambda: L.LSTM(2, activation="tanh", recurrent_activation="sigmoid")),
    ("how an LSTM is computed", (3, 2), lambda: L.LSTM(2), lambda: L.LSTM(2, unroll=True)),
    ("no dropout of an LSTM", (3, 2), lambda: L.LSTM(2), lambda: L.LSTM(2, dropout=0.0, recurrent_dropout=0)),
    ("reset_after of a GRU spelled out", (3, 2), lambda: L.GRU(2), lambda: L.GRU(2, reset_after=True)),
    ("the initializer of a SimpleRNN", (3, 2), lambda: L.SimpleRNN(2), lambda: L.SimpleRNN(2, recurrent_initializer=I.Orthogonal())),
    ("the mode of Bidirectional", (3, 2), lambda: L.Bidirectional(L.LSTM(2)), lambda: L.Bidirectional(L.LSTM(2), merge_mode="concat")),
    ("the name of a wrapped layer", (3, 2), lambda: L.TimeDistributed(L.Dense(2)), lambda: L.TimeDistributed(L.Dense(2, name="inner"))),
    ("the mask of Masking", (3, 2), lambda: L.Masking(), lambda: L.Masking(0.0)),
    ("axes of PReLU", (4,), lambda: L.PReLU(), lambda: L.PReLU(alpha_initializer="zeros")),
    ("the axis of Softmax", (4,), lambda: L.Softmax(), lambda: L.Softmax(axis=-1)),
    ("the initializer of an Embedding", (4,), lambda: L.Embedding(9, 2), lambda: L.Embedding(9, 2, embeddings_initializer="uniform")),
    ("cropping once and for each side", (8, 8, 2), lambda: L.Cropping2D(1), lambda: L.Cropping2D(((1, 1), (1, 1)))),
    ("zero padding once and for each side", (8, 8, 2), lambda: L.ZeroPadding2D(1), lambda: L.ZeroPadding2D(((1, 1), (1, 1)))),
    ("a size once and for each axis", (8, 8, 2), lambda: L.UpSampling2D(2), lambda: L.UpSampling2D((2, 2))),
    ("the depth of DepthwiseConv2D", (8, 8, 2), lambda: L.DepthwiseConv2D(3), lambda: L.DepthwiseConv2D((3, 3), depth_multiplier=1)),
]  # fmt: skip

Lo, M = K.losses, K.metrics
# name, two dictionaries of arguments of `compile`
COMPILED = [
    ("mse and its long name", lambda: dict(loss="mse"), lambda: dict(loss="mean_squared_error")),
    ("a loss by name and as function", lambda: dict(loss="mse"), lambda: dict(loss=Lo.get("mean_squared_error"))),
    ("a loss by name and as object", lambda: dict(loss="mse"), lambda: dict(loss=Lo.MeanSquaredError())),
    ("a loss in a list", lambda: dict(loss="mae"), lambda: dict(loss=["mean_absolute_error"])),
    ("delta of Huber spelled out", lambda: dict(loss=Lo.Huber()), lambda: dict(loss=Lo.Huber(delta=1.0))),
    ("the reduction spelled out", lambda: dict(loss=Lo.MeanSquaredError()), lambda: dict(loss=Lo.MeanSquaredError(reduction="sum_over_batch_size"))),
    ("the name of a loss", lambda: dict(loss=Lo.MeanSquaredError()), lambda: dict(loss=Lo.MeanSquaredError(name="error"))),
    ("from_logits spelled out", lambda: dict(loss="binary_crossentropy"), lambda: dict(loss=Lo.BinaryCrossentropy(from_logits=False))),
    ("log cosh", lambda: dict(loss=Lo.LogCosh()), lambda: dict(loss="log_cosh" if KERAS_3 else "logcosh")),
    ("kld", lambda: dict(loss="kl_divergence" if KERAS_3 else "kld"), lambda: dict(loss=Lo.KLDivergence())),
    ("a hinge", lambda: dict(loss="hinge"), lambda: dict(loss=Lo.Hinge())),
    ("loss weights of one", lambda: dict(loss="mse"), lambda: dict(loss="mse", loss_weights=[1.0])),
    ("no metrics", lambda: dict(loss="mse"), lambda: dict(loss="mse", metrics=[])),
    ("a metric by name and as object", lambda: dict(loss="mse", metrics=["mae"]), lambda: dict(loss="mse", metrics=[M.MeanAbsoluteError()])),
    ("a metric by its long name", lambda: dict(loss="mse", metrics=["mae"]), lambda: dict(loss="mse", metrics=["mean_absolute_error"])),
    ("a metric and its automatic name", lambda: dict(loss="mse", metrics=[M.MeanAbsoluteError(name="mean_absolute_error_3")]), lambda: dict(loss="mse", metrics=[M.MeanAbsoluteError(name="mean_absolute_error_8")])),
    ("accuracy and what it is here", lambda: dict(loss="binary_crossentropy", metrics=["accuracy"]), lambda: dict(loss="binary_crossentropy", metrics=["binary_accuracy"])),
    ("acc", lambda: dict(loss="binary_crossentropy", metrics=["acc"]), lambda: dict(loss="binary_crossentropy", metrics=["accuracy"])),
    ("the threshold of a metric spelled out", lambda: dict(loss="mse", metrics=[M.BinaryAccuracy()]), lambda: dict(loss="mse", metrics=[M.BinaryAccuracy(threshold=0.5)])),
    ("metrics in another order", lambda: dict(loss="mse", metrics=["mae", "mape"]), lambda: dict(loss="mse", metrics=["mape", "mae"])),
    ("metrics as list of lists", lambda: dict(loss="mse", metrics=["mae"]), lambda: dict(loss="mse", metrics=[["mae"]])),
    ("run_eagerly spelled out", lambda: dict(loss="mse"), lambda: dict(loss="mse", run_eagerly=False)),
    ("an optimizer by name and as object", lambda: dict(loss="mse", optimizer="adam"), lambda: dict(loss="mse", optimizer=optimizer("Adam"))),
    ("the learning rate spelled out", lambda: dict(loss="mse", optimizer=optimizer("Adam")), lambda: dict(loss="mse", optimizer=optimizer("Adam", 0.001))),
    ("the rate as float32", lambda: dict(loss="mse", optimizer=optimizer("Adam", 0.007)), lambda: dict(loss="mse", optimizer=optimizer("Adam", float(np.float32(0.007))))),
    ("epsilon of Adam spelled out", lambda: dict(loss="mse", optimizer=optimizer("Adam")), lambda: dict(loss="mse", optimizer=optimizer("Adam", epsilon=1e-7))),
    ("momentum of SGD spelled out", lambda: dict(loss="mse", optimizer=optimizer("SGD")), lambda: dict(loss="mse", optimizer=optimizer("SGD", momentum=0.0, nesterov=False))),
    ("the name of an optimizer", lambda: dict(loss="mse", optimizer=optimizer("SGD")), lambda: dict(loss="mse", optimizer=optimizer("SGD", name="descent"))),
    ("a schedule's name", lambda: dict(loss="mse", optimizer=optimizer("SGD", K.optimizers.schedules.ExponentialDecay(0.1, 9, 0.5))), lambda: dict(loss="mse", optimizer=optimizer("SGD", K.optimizers.schedules.ExponentialDecay(0.1, 9, 0.5, name="falls")))),
    ("staircase spelled out", lambda: dict(loss="mse", optimizer=optimizer("SGD", K.optimizers.schedules.ExponentialDecay(0.1, 9, 0.5))), lambda: dict(loss="mse", optimizer=optimizer("SGD", K.optimizers.schedules.ExponentialDecay(0.1, 9, 0.5, staircase=False)))),
]  # fmt: skip


def renumbered(model):
    for number, each in enumerate(model.layers):
        if each.name.startswith(("dense", "flatten", "input_")):
            call_it(each, f"{each.name.rstrip('0123456789').rstrip('_')}_{number + 20}")


def named(model):
    call_it(model, "another_model")


def same_weights(model):
    model.set_weights(model.get_weights())


def made_again(model):
    """Create the model again from its own config, like a program that copies it."""
    twin = model.__class__.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    return twin


def flags(model):
    for each in model.layers:
        each.trainable = each.trainable


def predicted(model):
    model(np.zeros((1, *model.input_shape[1:]), "float32"), training=False)


def moved_by_rounding(model):
    """Add to an output what rounding may: the call itself is changed."""
    return ("noise", model)


H, CCE = Lo.Huber, Lo.CategoricalCrossentropy
# name, model, plant, formats
VAIN = [
    ("layers with other automatic numbers", "dense", renumbered, WHOLE),
    ("another name of the model", "dense", named, WHOLE),
    ("weights set to what they are", "dense", same_weights, ALL),
    ("trainable set to what it is", "dense", flags, WHOLE),
    ("a call before", "dense", predicted, ALL),
    ("rounding", "dense", moved_by_rounding, ALL),
    ("rounding of a picture model", "image", moved_by_rounding, ALL),
    ("compiled again with the same", "dense", compiled(), WHOLE),
    ("the same losses as other objects", "dense", compiled(loss=lambda: [H(delta=0.5), CCE(label_smoothing=0.1)]), WHOLE),
    ("loss weights as a tuple", "dense", compiled(loss_weights=lambda: [1, 0.5]), WHOLE),
    ("the rate set to what it is", "dense", tuned("learning_rate", 0.01), WHOLE),
    ("a model made of its own config", "image", made_again, WHOLE),
    ("the same vocabulary set again", "codes", lambda m: layer(m, "lookup").set_vocabulary([3, 5, 7]), WHOLE),
    ("layers of pictures with other automatic numbers", "pictures", renumbered, WHOLE),
    ("rounding of a sequence model", "sequence", moved_by_rounding, ALL),
    ("a loss by another of its names", "plain", compiled(loss="mse"), WHOLE),
    ("a loss as object", "plain", compiled(loss=lambda: Lo.MeanSquaredError()), WHOLE),
    ("a metric as object", "plain", compiled(metrics=lambda: [M.MeanAbsoluteError()]), WHOLE),
]  # fmt: skip
