"""PyTorch's side of the tasks, eager. A work is (run, values): values is None where run gives losses."""

import numpy as np
import torch
import torch.nn.functional as F

import data


def _arrays(f, *operands):
    placed = [torch.from_numpy(x) for x in operands]
    return lambda: f(*placed), lambda: [f(*placed).numpy()]


def _product(row):
    return _arrays(torch.matmul, *data.operands(row))


def _leaf(x):
    return torch.from_numpy(x.copy()).requires_grad_()


def _steps(loss, optimizer):
    def run():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    return run, None


def _network(row):
    layers, x, wanted, is_classes = data.network(row)
    params = [(_leaf(kernel), _leaf(bias)) for kernel, bias in layers]
    inputs = torch.from_numpy(x)
    targets = torch.from_numpy(wanted.astype(np.int64) if is_classes else wanted)

    def loss():
        h = inputs
        for i, (kernel, bias) in enumerate(params):
            h = torch.addmm(bias, h if i == 0 else torch.relu(h), kernel)
        return F.cross_entropy(h, targets) if is_classes else F.mse_loss(h, targets)

    flat = [p for layer in params for p in layer]
    return _steps(loss, torch.optim.Adam(flat, lr=1e-3, eps=1e-8, fused=True))


def _convolution():
    (first, second, dense), images, labels = data.convolution()
    # Kernels OIHW, and images NCHW in the memory of NHWC, whose flattening is then that of the others.
    kernels = [_leaf(np.ascontiguousarray(k.transpose(3, 2, 0, 1))) for k in (first, second)]
    last = _leaf(dense)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    targets = torch.from_numpy(labels.astype(np.int64))

    def loss():
        h = x
        for kernel in kernels:
            h = F.max_pool2d(F.relu(F.conv2d(h, kernel, padding=1)), 2)
        return F.cross_entropy(h.permute(0, 2, 3, 1).reshape(len(targets), -1) @ last, targets)

    return _steps(loss, torch.optim.SGD([*kernels, last], lr=0.05))


def _transformer():
    params, x = data.transformer()
    p = {name: _leaf(value) for name, value in params.items()}
    inputs = torch.from_numpy(x)

    def attention(x):
        heads = lambda y: y.view(8, 128, 4, 64).transpose(1, 2)
        q, k, v = heads(x @ p["query"] + p["query_bias"]), heads(x @ p["key"]), heads(x @ p["value"] + p["value_bias"])
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        return mixed @ p["out"] + p["out_bias"]

    def norm(x, which):
        return F.layer_norm(x, (data.WIDTH,), p[f"norm{which}_scale"], p[f"norm{which}_offset"], 1e-5)

    def run():
        h = inputs + attention(norm(inputs, 1))
        up = F.gelu(norm(h, 2) @ p["up"] + p["up_bias"], approximate="tanh")
        value = (h + up @ p["down"] + p["down_bias"]).square().sum()
        return value.detach(), torch.autograd.grad(value, list(p.values()))

    def values():
        value, gradient = run()
        return [value.numpy(), *(g.numpy() for g in gradient)]

    return run, values


def _derivative():
    x = torch.tensor(data.AT, requires_grad=True)
    derivative = lambda: torch.autograd.grad(torch.sin(x * x), x)[0].numpy()
    return derivative, lambda: [derivative()]


def _eager():
    x = torch.from_numpy(data.EIGHT)
    return lambda: (x * 2 + 1).numpy(), lambda: [(x * 2 + 1).numpy()]


WORKS = {
    **{row: lambda row=row: _product(row) for row in data.PRODUCTS},
    "W2.chain": lambda: _arrays(lambda x: torch.tanh(torch.sin(x) * torch.exp(x) + 1), data.chain_operand()),
    "W2.gelu": lambda: _arrays(lambda x: F.gelu(x, approximate="tanh"), data.chain_operand()),
    "W3.sum": lambda: _arrays(torch.sum, data.terms()),
    "W3.softmax": lambda: _arrays(lambda x: F.softmax(x, -1), data.table()),
    "W3.layerNorm": lambda: _arrays(lambda x: F.layer_norm(x, x.shape[-1:]), data.table()),
    **{row: lambda row=row: _network(row) for row in data.NETWORKS},
    "W6": _convolution,
    "W7": _transformer,
    "W8.eager": _eager,
    "W8.grad": _derivative,
}
