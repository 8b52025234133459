"""What Keras and TensorFlow printed, by cause: measured by the matrix or quoted in the sources."""

from kerasmatrix.diagnosis.recognize_cause import Evidence
from kerasmatrix.harness import exports
from kerasmatrix.results.cells import Status


def error(kind, message, *causes, **facts):
    return Evidence(chain=[(kind, message), *causes], **facts)


MESSAGES = {
    "savedmodel-revival": [
        error("ValueError", "Cannot call custom layer time_distributed of type <class "
              "'tensorflow.python.keras.saving.saved_model.load.TimeDistributed'>, because the call "
              "function was not serialized to the SavedModel.", format="savedmodel"),
        error("ValueError", "Error when loading sequential: could not find attribute layers.\n"
              "Most likely this object was serialized incorrectly.", format="savedmodel"),
        error("ValueError", "An empty Model cannot be used as a Layer.", format="savedmodel"),
        error("ValueError", "Unable to save the object ListWrapper([<LSTM object at 0x7f44828>]) (a "
              "list wrapper constructed to track trackable TensorFlow objects).",
              format="savedmodel"),
        error("ValueError", "Could not find matching function to call loaded from the SavedModel. "
              "Got:\n  Positional arguments (4 total):", format="savedmodel"),
        error("ValueError", "The endpoint 'serving_default' is neither an attribute of the reloaded "
              "SavedModel, nor an entry in the `signatures` field of the reloaded SavedModel.",
              format="savedmodel"),
        error("RuntimeError", "Unable to restore object of class 'MultiHeadAttention' likely due to "
              "name conflict with built-in Keras class '<class 'keras.layers.attention."
              "multi_head_attention.MultiHeadAttention'>'.", format="savedmodel"),
        error("ValueError", "Attempt to convert a value (None) with an unsupported type (<class "
              "'NoneType'>) to a Tensor.", format="savedmodel"),
        error("ValueError", "Input 0 of layer dense_1 is incompatible with the layer: expected axis "
              "-1 of input shape to have value 2 but received input with shape [None, 4]",
              format="savedmodel"),
        error("InvalidArgumentError", "Exception encountered when calling TFSMLayer.call().\n\n"
              "cannot compute __inference_signature_wrapper___call___119 as input #0(zero-based) was "
              "expected to be a half tensor but is a float tensor", format="savedmodel"),
    ],
    "savedmodel-untracked": [
        error("ValueError", "Object dictionary contained a non-trackable object: (None, None) (for "
              "key states)", format="savedmodel"),
    ],
    "weight-without-name": [
        error("AttributeError", "'NoneType' object has no attribute 'replace'", format="savedmodel"),
    ],
    "gru-reset-after": [
        error("ValueError", "GRU(reset_after=False) is not compatible with GRU(reset_after=True)"),
        error("ValueError", "Shapes (2, 9) and (9,) are incompatible"),
        error("ValueError", "Shapes (9,) and (?, ?) are incompatible"),
        error("ValueError", "Cannot assign to variable rnn/gru_cell/bias:0 due to variable shape "
              "(2, 9) and value shape (9,) are incompatible"),
        error("ValueError", "Cannot assign value to variable ' rnn/gru_cell/bias:0': Shape "
              "mismatch.The variable shape (2, 9), and the assigned value shape (9,) are "
              "incompatible."),
        error("ValueError", "The shape of the target variable and the shape of the target value in "
              "`variable.assign(value)` must match. variable.shape=(2, 12), Received: "
              "value.shape=(12,). Target variable: <KerasVariable shape=(2, 12)>"),
        error("ValueError", "Shape mismatch in layer #0 (named gru)for weight gru_cell/bias. "
              "Weight expects shape (2, 12). Received saved weight with shape (12,)"),
    ],
    "load-never-ends": [Evidence(status=Status.TIMEOUT)],
    "unknown-functional": [
        error("ValueError", "Unknown layer: Functional"),
        error("ValueError", "Unknown layer: 'Functional'. Please ensure you are using …"),
    ],
    "functional-module-path": [
        error("TypeError", "Could not deserialize class 'Functional' because its parent module "
              "tf_keras.src.engine.functional cannot be imported. Full object config: {}",
              ("ModuleNotFoundError", "No module named 'tf_keras'")),
        error("TypeError", "Could not deserialize class 'Functional' because its parent module "
              "keras.src.engine.functional cannot be imported. {'class_name': 'TFOpLambda'}"),
        error(
            "TypeError",
            "Could not deserialize class 'Functional' because its parent module "
            "keras.src.models.functional cannot be imported. Full object config: {'batch_shape': "
            "[None, 10], 'dtype': {'class_name': 'DTypePolicy'}}",
            ("ModuleNotFoundError", "No module named 'keras.src.models'"),
        ),
        error("TypeError", "Could not locate class 'Functional'. Make sure custom classes …"),
    ],
    "inputlayer-batch-shape": [
        error("ValueError", "('Unrecognized keyword arguments:', dict_keys(['batch_shape']))"),
        error("ValueError", "Unrecognized keyword arguments: ['batch_shape', 'optional']"),
        error(
            "TypeError",
            "Error when deserializing class 'InputLayer' using config={'batch_shape': [None, 4]}.\n"
            "\nException encountered: Unrecognized keyword arguments: ['batch_shape']",
            writer_keras=3,
            reader_keras=2,
        ),
    ],
    "sequential-input-shape": [
        error("ValueError", "Exception encountered when calling Sequential.call().\n\nInvalid "
              "input shape for input [[-0.3 0.1 1.9]] "
              "with name 'keras_tensor'. Expected shape (None, None, 3), but input has …",
              writer_keras=2, reader_keras=3),
        error("ValueError", "Kernel shape must have the same length as input, but received kernel "
              "of shape (3, 3, 3, 4) and input of shape (None, None, 8, 8, 3).",
              writer_keras=2, reader_keras=3),
        error("ValueError", "Shapes used to initialize variables must be fully-defined (no `None` "
              "dimensions). Received: shape=(None, 4) for variable path='sequential/p_re_lu/alpha'",
              writer_keras=2, reader_keras=3),
        error("ValueError", 'Input 0 of layer "lstm_1" is incompatible with the layer: expected '
              "ndim=3, found ndim=4. Full shape received: (None, None, 1, 56)",
              writer_keras=2, reader_keras=3),
        error("ValueError", "Input 0 with name 'None' of layer 'lstm_1' is incompatible with the "
              "layer: expected ndim=3, found ndim=4. Full shape received: (None, None, 1, 56)",
              writer_keras=2, reader_keras=3),
    ],
    "dtype-policy": [error("TypeError", "Cannot interpret DTypePolicy as a dtype"),
                     error("AttributeError", "'str' object has no attribute "
                           "'quantization_mode'"),
                     error("TypeError", "unhashable type: 'dict'", format="savedmodel")],
    "op-layer": [
        error("ValueError", "Unknown layer: TFOpLambda"),
        error("ValueError", "Unknown layer: 'GetItem'. Please ensure …", writer_keras=3),
        error("ValueError", "Unknown layer: 'NotEqual'. Please ensure …", writer_keras=3),
    ],
    "config-key-absent": [error("KeyError", "'query_shape'")],
    "subclassed-in-h5": [
        error("NotImplementedError", "Saving the model to HDF5 format requires the model to be a "
              "Functional model or a Sequential model."),
    ],
    "not-there-yet": [
        error("AttributeError", "module 'tensorflow.keras.layers' has no attribute "
              "'Normalization'"),
    ],
    "name-not-allowed": [
        error("ValueError", "'Schicht_ü中/' is not a valid root scope name. A root scope name …"),
    ],
    "builtin-layer-gone": [
        error("ValueError", "Unknown layer: DenseFeatures"),
        error("ValueError", "Could not deserialize 'keras.layers.LocallyConnected1D' because it is "
              "not a KerasSaveable subclass"),
        error("ValueError", "Unknown layer: 'CuDNNLSTM'. Please ensure …"),
    ],
    "builtin-function-missing": [
        error("ValueError", "Unknown regularizer: L1"),
        error("ValueError", "Unknown activation function: leaky_relu"),
    ],
    "optimizer-config": [
        error(
            "AttributeError",
            "'NoneType' object has no attribute 'build'",
            format="keras",
            reader_keras=3,
        ),
        error("TypeError", "Unexpected keyword argument passed to optimizer: use_ema. Allowed kwargs "
              "are {'lr', 'global_clipnorm', 'clipnorm', 'clipvalue', 'decay'}."),
        error("TypeError", "Could not deserialize class 'SGD' because its parent module "
              "keras.optimizers.experimental cannot be imported. Full object config: {…}",
              ("ModuleNotFoundError", "No module named 'keras.optimizers.experimental'")),
        error("AttributeError", "'Adam' object has no attribute 'build'"),
        error("TypeError", "Unable to reconstruct an instance of 'Adam' because the class is "
              "missing a `from_config()` method. Full object config: {'module': "
              "'keras.optimizers.legacy'}"),
        error("ValueError", "Could not deserialize 'keras.optimizers.legacy.Adam' because it is "
              "not a KerasSaveable subclass"),
        error("ValueError", "Unknown optimizer: Custom>Adam"),
        error(
            "TypeError",
            "weight_decay is not a valid argument, kwargs should be empty  for "
            "`optimizer_experimental.Optimizer`.",
        ),
        error("ValueError", "Argument(s) not recognized: {'lr': 0.001}"),
    ],
    "loss-metric-config": [
        error("TypeError", "string indices must be integers, not 'str'", format="h5",
              writer_keras=3, reader_keras=3),
        error("TypeError", "string indices must be integers, not 'str'", format="h5",
              writer_keras=2, reader_keras=3),
        error("TypeError", "Object of type function is not JSON serializable"),
        error("ValueError", "Unknown loss function:half_error"),
        error(
            "ValueError",
            "Could not deserialize 'keras.metrics.mse' because it is not a KerasSaveable subclass",
        ),
        error("TypeError", "Could not locate function 'mse'. Make sure custom classes are …"),
        error("ValueError", "Unknown loss function: CustomLoss"),
        error("ValueError", "Unable to restore custom object of type _tf_keras_metric currently."),
        error("ValueError", 'Unable to restore custom object of class "MeanMetricWrapper" (type '
              "_tf_keras_metric). Please make sure that this class is included in the "
              "`custom_objects` arg when calling `load_model()`."),
    ],
    "lambda-bytecode": [
        error("EOFError", "EOF read where object expected"),
        error("SystemError", "Objects/codeobject.c:119: bad argument to internal function"),
        error("ValueError", "bad marshal data (unknown type code)")],
    "lambda-safe-mode": [
        error(
            "ValueError",
            "Requested the deserialization of a `Lambda` layer whose `function` is a Python "
            "lambda. This carries a potential risk … pass `safe_mode=False`",
        )
    ],
    "hdf5-refused": [
        error("ValueError", "Not allowed: H5 file with SoftLink"),
        error("ValueError", "Not allowed: H5 file with virtual Dataset"),
        error("ValueError", "Not allowed: H5 file with external Dataset: [('kernel.bin', 0, 64)]"),
        error("ValueError", "A total of 1 objects could not be loaded. Example error message for "
              "object <Dense name=second, built=True>:\n\nNot allowed: H5 file with ExternalLink"),
    ],
    "path-refused": [
        error("ValueError", "Requested the deserialization of a `TFSMLayer`, which loads an "
              "external SavedModel. … you can override this error by passing `safe_mode=False`"),
        error("ValueError", "Requested the loading of a vocabulary file outside of the model "
              "archive. … passing `safe_mode=False` … Vocabulary file: 'words.txt'"),
    ],
    "unpacks-too-large": [
        error("ValueError", "Not allowed: archive member 'big' declares 286.10 MB but only 285.00 "
              "KB are stored on disk; refusing to extract a potential decompression bomb."),
        error("ValueError", "Not allowed: H5 dataset '0' declares 8.00 GB but only 1.00 KB are "
              "stored on disk; refusing to load a potential decompression/shape bomb."),
    ],
    "refused-for-safety": [
        error("ValueError", "Cannot deserialize `keras.utils.load_img` because it is not a "
              "modeling function. Non-modeling APIs are disallowed during deserialization"),
        error("ValueError", "Cannot deserialize `keras.utils.load_img`, loading functions are not "
              "allowed during deserialization"),
        error("ValueError", "Could not deserialize 'keras.src.utils.x.f' because it is not a "
              "KerasSaveable subclass"),
    ],
    "lambda-scope-or-shape": [
        error("NameError", "name 'K' is not defined"),
        error("NameError", 'Exception encountered when calling layer "lambda" (type Lambda).\n\n'
              "name 'twice' is not defined\n\nCall arguments received by layer "
              '"lambda" (type Lambda):'
              "\n  • inputs=tf.Tensor(shape=(None, 2), dtype=float32)"),
        error("NameError", "Exception encountered when calling Lambda.call().\n\n\x1b[1mname 'twice' "
              "is not defined\x1b[0m\n\nArguments received by Lambda.call():"),
        error("NotImplementedError", "We could not automatically infer the shape of the Lambda's "
              "output. Please specify the `output_shape` argument"),
    ],
    "container-mismatch": [
        error("OSError", "Unable to open file (file signature not found)"),
        error("OSError", "Unable to open file (file read failed: message = 'Is a directory')"),
        error("OSError", "SavedModel file does not exist at: m.keras/{saved_model.pbtxt|…}"),
        error("ValueError", "File not found: filepath=m.keras. Please ensure the file is an "
              "accessible `.keras` zip file.", format="keras"),
    ],
    "savedmodel": [
        error("ValueError", "File format not supported: filepath=m. Keras 3 only supports V3 "
              "`.keras` files and legacy H5 format files (`.h5` extension)."),
        error("TypeError", "'_UserObject' object is not callable"),
        error("AttributeError", "'_UserObject' object has no attribute 'add_slot'"),
    ],
    "savedmodel-metadata-newer": [
        error("json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)",
              format="savedmodel"),
        error("KeyError", "'sample_weight_mode'", format="savedmodel"),
        error("ValueError", "Error converting shape to a TensorShape: invalid literal for int() with "
              "base 10: 'class_name'.", format="savedmodel"),
        error("KeyError", "0", format="savedmodel"),
    ],
    "kernel-of-other-type": [
        error("InvalidArgumentError", "Graph execution error:\n\nValue for attr 'T' of half is not in "
              "the list of allowed values: float, bfloat16\n\t; NodeDef: {{node "
              "sequential/layer_normalization/add}}; Op<name=_MklLayerNorm; signature=x:T>"),
    ],
    "graph-op-newer": [
        error("FileNotFoundError", "Op type not registered 'DisableCopyOnRead' in binary running "
              "on vm. Make sure the Op and Kernel are registered"),
        error("tensorflow.python.framework.errors_impl.InternalError", " The CPU implementation of "
              "FusedBatchNorm only supports NHWC tensor format for now.\n\t [[{{node x}}]]",
              format="savedmodel"),
    ],
    "h5py3-str-decode": [error("AttributeError", "'str' object has no attribute 'decode'")],
    "symbolic-tensor-numpy": [
        error("NotImplementedError", "Cannot convert a symbolic Tensor (lstm/strided_slice:0) to "
              "a numpy array."),
    ],
    "env-import": [
        error("TypeError", "Descriptors cannot not be created directly."),
        error("TypeError", "Descriptors cannot be created directly."),
        error("TypeError", "this __dict__ descriptor does not support '_DictWrapper' objects"),
        error("AttributeError", "_ARRAY_API not found"),
    ],
    "wrapped-functional": [
        error("ValueError", "Exception encountered when calling TimeDistributed.call().\n\nCannot "
              "convert '3' to a shape.\n\nArguments received by TimeDistributed.call():"),
    ],
    "nested-graph": [
        error("ValueError", "Invalid dtype: tuple", reader_keras=3),
        error(
            "ValueError",
            "Input 0 with name 'None' of layer 'dense_2' is incompatible with the layer: expected "
            "min_ndim=2, found ndim=1. Full shape received: (4,)",
            format="keras",
            reader_keras=3,
        ),
        error(
            "ValueError",
            "Cannot convert '((None, 3), 4)' to a shape. Found invalid dimension '(None, 3)' of "
            "type '<class 'tuple'>'. ",
            reader_keras=3,
        ),
        error("ValueError", 'Layer "dense" expects 1 input(s), but it received 2 input tensors.'),
    ],
    "keras-1-file": [
        error("TypeError", "__init__() missing 1 required positional argument: 'units'"),
        error(
            "TypeError",
            "__init__() missing 2 required positional arguments: 'filters' and 'kernel_size'",
        ),
        error("ValueError", "Unknown layer: Merge"),
    ],
    "name-taken-for-function": [
        error("TypeError", "Error when deserializing class 'Attention' using config={'name': 'attention', "
              "'score_mode': <function dot at 0x7fc5fb012840>}.\n\nException encountered: Invalid value "
              "for argument score_mode. Expected one of {'dot', 'concat'}. Received: "
              "score_mode=<function dot at 0x7fc5fb012840>"),
    ],
    "sequential-as-list": [
        error("TypeError", "pop expected at most 1 argument, got 2"),
        error("AttributeError", "'list' object has no attribute 'items'"),
    ],
    "shape-or-axis-type": [
        error("TypeError", "int() argument must be a string, a bytes-like object or a real "
              "number, not 'list'"),
    ],
    "weights-cudnn-layout": [
        error("ValueError", "Dimension 0 in both shapes must be equal, but are 48 and 96"),
        error("ValueError", "GRU(reset_after=False) is not compatible with CuDNNGRU"),
        error("ValueError", "CuDNNGRU is not compatible with GRU(reset_after=False)"),
    ],
    "weights-layout-newer": [
        error("ValueError", "You are trying to load a weight file containing 0 layers into a model "
              "with 3 layers.", writer_keras=3),
        error("ValueError", "Layer count mismatch when loading weights from file. Model expected 3 "
              "layers, found 0 saved layers."),
        error("KeyError", "\"Unable to synchronously open object (object 'vars' doesn't exist)\""),
    ],
    "weights-count": [
        error("ValueError", "Layer 'dense' expected 2 variables, but received 0 variables during "
              "loading. Expected: ['dense/kernel:0', 'dense/bias:0']"),
        error("ValueError", "You are trying to load a weight file containing 6 layers into a model "
              "with 2 layers."),
    ],
    "weights-only-file": [
        error("ValueError", "No model found in config file."),
        error("ValueError", "No model config found in the file at <tensorflow.python.platform.gfile."
              "GFile object at 0x7f1e2ece6390>."),
    ],
    "keras-package-mix": [
        error("ImportError", "cannot import name 'LayerNormalization' from "
              "'tensorflow.python.keras.layers' (/site-packages/…)"),
        error("ModuleNotFoundError", "No module named 'tf_keras'"),
        error("ValueError", "Only instances of `keras.Layer` can be added to a Sequential model."),
    ],
    "v1-mode-in-keras-3": [
        error("NotImplementedError", "numpy() is only available when eager execution is enabled."),
        error("RuntimeError", "`tf.data.Dataset` only supports Python-style iteration in eager mode "
              "or within tf.function.", reader_keras=3),
    ],
    "pickle-module-path": [
        error("ModuleNotFoundError", "No module named 'keras.src.saving.pickle_utils'"),
    ],
    "lookup-state": [
        error("FailedPreconditionError", "Table not initialized."),
        error("TypeError", "save_fn(checkpoint_key) expected a Tensor in checkpoint_key, but got str "
              "value ."),
        error("NotImplementedError", "Save or restore weights that is not an instance of "
              "`tf.Variable` is not supported in h5"),
    ],
    "config-key-removed": [
        error("TypeError", "Error when deserializing class 'SeparableConv2D' using config={'name': 'a', "
              "'groups': 1}.\n\nException encountered: Unrecognized keyword arguments passed to "
              "SeparableConv2D: {'groups': 1, 'kernel_initializer': {'module': 'keras.initializers', "
              "'class_name': 'GlorotUniform', 'registered_name': None}}", format="h5",
              writer_keras=2, reader_keras=3),
        error("TypeError", "Error when deserializing class 'LSTM' using config={}.",
              ("TypeError", "GlorotUniform.__init__() got an unexpected keyword argument 'dtype'"),
              writer_keras=2, reader_keras=3),
        error("ValueError", "Unrecognized keyword arguments passed to LSTM: "
              "{'batch_input_shape': [None, 10, 1], 'time_major': False}"),
        error("TypeError", "Error when deserializing class 'DepthwiseConv2D' using config={}.",
              ("ValueError", "Unrecognized keyword arguments passed to Conv: {'groups': 1}"),
              writer_keras=2, reader_keras=3),
        error("TypeError", "Error when deserializing class 'Dense' using config={'dtype': 'x'}.",
              ("TypeError", "Initializer.__init__() got an unexpected keyword argument 'q'"),
              writer_keras=2, reader_keras=3),
    ],
    "config-key-too-new": [
        error("ValueError", "StringLookup may only have a dtype in [tf.string]."),
        error(
            "ValueError",
            "CategoryEncoding's output_mode arg received an invalid value multi_hot. Allowed "
            "values are or one of the following values: ('count', 'binary', 'tf-idf').",
        ),
        error("TypeError", "__init__() got an unexpected keyword argument 'dtype'"),
        error("TypeError", "('Keyword argument not understood:', 'keepdims')"),
        error("TypeError", "__init__() got an unexpected keyword argument 'ragged'"),
        error("ValueError", "Unrecognized keyword arguments passed to Dense: "
              "{'quantization_config': None}", writer_keras=3, reader_keras=3),
        error("TypeError", "GlorotUniform.__init__() got an unexpected keyword argument "
              "'input_axes'"),
    ],
    "custom-config-contract": [
        error(
            "TypeError",
            "MultiHeadAttention.build() missing 1 required positional argument: 'value_shape'",
        ),
        error("TypeError", "TransformerBlock.__init__() got an unexpected keyword argument "
              "'trainable'"),
        error("TypeError", "__init__() missing 1 required positional argument: 'outputs'"),
        error("TypeError", "<class 'keras.src.models.functional.Functional'> could not be "
              "deserialized properly. Please ensure that components that are Python object …"),
    ],
    "get-config-missing": [
        error("NotImplementedError", "Layers with arguments in `__init__` must override "
              "`get_config`."),
        error("NotImplementedError", "\nLayer MyCustomLayer has arguments ['self', 'units']\nin "
              "`__init__` and therefore must override `get_config()`."),
    ],
    "custom-class-missing": [
        error("TypeError", "<class 'keras.src.models.functional.Functional'> could not be deserialized "
              "properly. Please ensure that components that are Python object instances are "
              "deserialized.\n\nconfig={'module': 'keras.src.models.functional'}.\n\nException "
              "encountered: Could not locate function 'mine>squash'. Full object config: {'module': "
              "'builtins', 'class_name': 'function', 'config': 'mine>squash'}", format="keras"),
        error("ValueError", "Unknown layer: MyCustomLayer"),
        error("ValueError", "Unknown layer: MyLayer. Please ensure this object is passed to the "
              "`custom_objects` argument."),
        error("ValueError", "Unknown layer: 'MyLayer'. Please ensure you are using a "
              "`keras.utils.custom_object_scope`"),
        error("TypeError", "Could not locate class 'MyLayer'. Make sure custom classes …"),
        error("TypeError", "<class 'keras.src.models.functional.Functional'> could not be "
              "deserialized properly. {'dtype': {'class_name': 'DTypePolicy'}}",
              ("TypeError", "Could not locate class 'MyLayer'.")),
        error("ValueError", "Unable to restore custom object of type _tf_keras_rnn_layer."),
        error("ValueError", 'Unable to restore custom object of class "MyCell" (type '
              "_tf_keras_rnn_layer). Please make sure that this class is included in the "
              "`custom_objects` arg when calling `load_model()`."),
    ],
    "scenario-says-nothing": [
        error("harness.sample_inputs.Unusable", "the model does not say what its inputs are: give it "
              "sample inputs"),
        error("harness.sample_inputs.NotDeterministic", "the model is not deterministic: two calls on the same "
              "batch give other outputs", status=Status.SAVE_FAILED),
    ],
    "killed-for-memory": [error("MemoryError", "", status=Status.CRASH)],
    "silent-drift": [Evidence(status=Status.DRIFT)],
    "inference-only": [
        Evidence(status=Status.DEGRADED, lost=[
            "the architecture (an inference-only layer came back)",
            "the ability to be saved again (AttributeError)", "the compile state",
        ]),
    ],
    "learning-rate-reset": [
        Evidence(status=Status.DEGRADED, lost=[
            "the optimizer's learning_rate (0.007 became 0.001)", "the optimizer state",
        ]),
    ],
    "export-needs-tensorflow": [
        Evidence(status=Status.DEGRADED, lost=[exports.SELECTED]),
        error("RuntimeError", "Select TensorFlow op(s), included in the given model, is(are) not "
              "supported by this interpreter. Make sure you apply/link the Flex delegate before "
              "inference."),
    ],
    "optimizer-state-lost": [Evidence(status=Status.DEGRADED, lost=["the optimizer state"])],
    "compile-state-lost": [
        Evidence(status=Status.DEGRADED, lost=["the compile state"]),
        Evidence(status=Status.DEGRADED, lost=["the loss's delta (0.5 became 1.0)"]),
        Evidence(status=Status.DEGRADED, lost=["the weighted metric mse"]),
    ],
    "cannot-be-trained": [
        Evidence(status=Status.DEGRADED, lost=["the ability to be trained (ValueError)"]),
    ],
    "layer-settings-changed": [
        Evidence(status=Status.DEGRADED, lost=["the rate of layer dropout (0.5 became 0.3)"]),
        Evidence(status=Status.DEGRADED, lost=["the rate of 5 layers, the first a (1 became 2)"]),
        Evidence(status=Status.DEGRADED, lost=["the layer dense (Dense)"]),
    ],
    "trains-otherwise": [
        Evidence(status=Status.DEGRADED, lost=["what evaluate() gives (loss: 1 became 2)"]),
    ],
    "cannot-be-saved-again": [
        Evidence(status=Status.DEGRADED, lost=["the ability to be saved again (ValueError)"]),
    ],
}  # fmt: skip
