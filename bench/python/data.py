"""The numbers of tasks/*.ts: the check of agreement would notice if they differed."""

import numpy as np


def _mix(x):
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return x ^ (x >> np.uint32(16))


def uniform(seed, *shape):
    count = int(np.prod(shape))
    start = np.uint32((seed * 0x9E3779B9) & 0xFFFFFFFF)
    bits = _mix(np.arange(count, dtype=np.uint32) + start)
    return ((bits >> np.uint32(8)) / 2.0**24).astype(np.float32).reshape(shape)


def symmetric(seed, bound, *shape):
    return ((2 * uniform(seed, *shape).astype(np.float64) - 1) * bound).astype(np.float32)


def kernel(seed, fan_in, *shape):
    return symmetric(seed, np.sqrt(3 / fan_in), *shape)


def classes(seed, count, n):
    return np.floor(uniform(seed, count) * n).astype(np.int32)


PRODUCTS = {
    "W1.256": (256, 256, 256),
    "W1.512": (512, 512, 512),
    "W1.1024": (1024, 1024, 1024),
    "W1.layer": (128, 784, 512),
}


def operands(row):
    m, k, n = PRODUCTS[row]
    return symmetric(1, 1, m, k), symmetric(2, 1, k, n)


def chain_operand():
    return symmetric(3, 3, 4 * 2**20)


def terms():
    return uniform(4, 4096 * 1024)


def table():
    return symmetric(5, 4, 4096, 1024)


NETWORKS = {
    "W4.32": ([10, 100, 1], 32, False),
    "W4.1024": ([10, 100, 1], 1024, False),
    "W5": ([784, 512, 256, 10], 128, True),
}


def network(row):
    """Layers as (kernel, bias), inputs, wanted outputs or classes, and whether they are classes."""
    sizes, batch, is_classes = NETWORKS[row]
    pairs = list(zip(sizes, sizes[1:]))
    layers = [(kernel(10 + i, n, n, m), np.zeros(m, np.float32)) for i, (n, m) in enumerate(pairs)]
    wanted = classes(7, batch, sizes[-1]) if is_classes else symmetric(7, 1.7, batch, sizes[-1])
    return layers, symmetric(6, 1, batch, sizes[0]), wanted, is_classes


def convolution():
    """Kernels HWIO, the dense kernel, images NHWC, classes."""
    kernels = (kernel(20, 9, 3, 3, 1, 16), kernel(21, 144, 3, 3, 16, 32), kernel(22, 1568, 1568, 10))
    return kernels, uniform(23, 64, 28, 28, 1), classes(24, 64, 10)


WIDTH, HIDDEN = 256, 1024
PARAMETERS = {
    "norm1_scale": (WIDTH,),
    "norm1_offset": (WIDTH,),
    "query": (WIDTH, WIDTH),
    "query_bias": (WIDTH,),
    "key": (WIDTH, WIDTH),
    "value": (WIDTH, WIDTH),
    "value_bias": (WIDTH,),
    "out": (WIDTH, WIDTH),
    "out_bias": (WIDTH,),
    "norm2_scale": (WIDTH,),
    "norm2_offset": (WIDTH,),
    "up": (WIDTH, HIDDEN),
    "up_bias": (HIDDEN,),
    "down": (HIDDEN, WIDTH),
    "down_bias": (WIDTH,),
}


def _parameter(i, name, shape):
    if len(shape) == 2:
        return kernel(30 + i, shape[0], *shape)
    around = symmetric(30 + i, 0.1, *shape)
    return np.float32(1) + around if name.endswith("scale") else around


def transformer():
    """Parameters by name, and the block's input."""
    params = {name: _parameter(i, name, shape) for i, (name, shape) in enumerate(PARAMETERS.items())}
    return params, symmetric(50, 1.7, 8, 128, WIDTH)


EIGHT = np.arange(8, dtype=np.float32)
AT = np.float32(0.7)
