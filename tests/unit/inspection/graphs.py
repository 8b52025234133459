"""SavedModels with functions, written as TensorFlow writes them."""

from tests.unit.inspection.files import message, number


def entry(place, key, value):
    return message(place, message(1, key.encode()) + message(2, value))


def node(name, operation, *takes, **attributes):
    """Return an operation; an attribute is a number, or a text: the name of a function."""
    held = message(1, name.encode()) + message(2, operation.encode())
    held += b"".join(message(3, each.encode()) for each in takes)
    for key, value in attributes.items():
        is_text = isinstance(value, str)
        shown = message(10, message(1, value.encode())) if is_text else number(3, value)
        held += entry(5, key, shown)
    return held


def function(name, arguments, nodes, **returns):
    head = message(1, name.encode())
    head += b"".join(message(2, message(1, each.encode())) for each in arguments)
    head += b"".join(message(3, message(1, each.encode())) for each in returns)
    body = b"".join(message(3, each) for each in nodes)
    return (
        message(1, head)
        + body
        + b"".join(entry(4, key, each.encode()) for key, each in returns.items())
    )


def tensor(name, *sizes, dtype=1):
    dims = b"".join(message(2, number(1, size % (1 << 64))) for size in sizes)
    return message(1, name.encode()) + number(2, dtype) + message(3, dims)


def saved(folder, nodes, functions, *, tensorflow="2.15.0", **signatures):
    """Write a SavedModel; a signature is (inputs, outputs), each a dictionary of tensors."""
    folder.mkdir(exist_ok=True)
    library = message(2, b"".join(message(1, each) for each in functions))
    graph = b"".join(message(1, each) for each in nodes) + library
    held = message(1, message(5, tensorflow.encode())) + message(2, graph)
    for name, (inputs, outputs) in signatures.items():
        told = b"".join(entry(1, key, each) for key, each in inputs.items())
        held += entry(
            5, name, told + b"".join(entry(2, key, each) for key, each in outputs.items())
        )
    (folder / "saved_model.pb").write_bytes(number(1, 1) + message(2, held))
    return folder


def dense(folder, *, number=1, layer="dense", operation="Relu", output="y", unused=(), **settings):
    """Write a model that multiplies its input by a weight, in a function with a number."""
    inside = function(
        f"__inference_call_{number}",
        ["x", f"{layer}_matmul_resource"],
        [
            node(f"{layer}/Read", "ReadVariableOp", f"{layer}_matmul_resource", dtype=1),
            node(f"{layer}/MatMul", "MatMul", "x", f"{layer}/Read:value:0", transpose_a=0),
            node(f"{layer}/Out", operation, f"{layer}/MatMul:product:0", "^NoOp", _shapes=number),
            node("NoOp", "NoOp", f"^{layer}/Read"),
        ],
        identity=f"{layer}/Out:y:0",
    )
    nodes = [
        node(f"{layer}/kernel", "VarHandleOp", dtype=1),
        node("serving_default_x", "Placeholder", dtype=1),
        node(
            "Call", "StatefulPartitionedCall", "serving_default_x", f"{layer}/kernel",
            f=f"__inference_call_{number}",
        ),
    ]  # fmt: skip
    signature = ({"x": tensor("serving_default_x:0", -1, 3)}, {output: tensor("Call:0", -1, 2)})
    return saved(folder, nodes, [inside, *unused], serving_default=signature, **settings)
