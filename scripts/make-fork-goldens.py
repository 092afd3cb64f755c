#!/usr/bin/env python3
"""Makes Tests/Goldens/forks: cases for the layers that Caffe's forks have and Caffe has not.

    scripts/make-fork-goldens.py [FOLDER]

There is no one program that has all these layers, so the values come from the plain NumPy models below, in
double precision, each written from the formula of the fork that it names. Backward passes are written out too,
and compared with central differences of the forward pass before anything is written. Inputs come from fixed
seeds, so that the script always writes the same bytes. Needs NumPy. The format of a case is that of
Tests/Goldens/README.md.
"""
import math
import os
import struct
import sys

import numpy as np

FOLDER = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
    os.path.dirname(os.path.abspath(__file__)), '..', 'Tests', 'Goldens', 'forks')


# ------------------------------------------------------------------------------------------------
# Writing a case: protobuf's wire format, as far as it is needed
# ------------------------------------------------------------------------------------------------

def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def blob(data, diff=None):
    """A BlobProto: shape 7, data 5, diff 6."""
    floats = lambda a: np.asarray(a, '<f4').tobytes()
    out = field(5, floats(data)) if np.size(data) else b''
    if diff is not None:
        out += field(6, floats(diff))
    return out + field(7, field(1, b''.join(varint(d) for d in np.shape(data))) if np.ndim(data) else b'')


def entry(name, kind, blobs):
    return field(100, field(1, name.encode()) + field(2, kind.encode())
                 + b''.join(field(7, b) for b in blobs))


def r32(a):
    """What float32 makes of it, as double."""
    return np.asarray(np.asarray(a, np.float32), np.float64)


def differences(model, bottoms, weights, dtops, wanted, name):
    """Central differences of Σ top · dtop, compared with the model's own backward pass."""
    dbottoms, dweights = model.backward(bottoms, weights, dtops)
    total = lambda: sum(float(np.sum(t * d)) for t, d in zip(model.forward(bottoms, weights), dtops)
                        if d is not None)
    pairs = [(b, d, 'bottom') for b, d, w in zip(bottoms, dbottoms, wanted) if w]
    pairs += [(w, d, 'weight') for w, d in zip(weights, dweights) if d is not None]
    step = 1e-5
    for values, gradient, what in pairs:
        assert gradient.shape == values.shape, (name, what, gradient.shape, values.shape)
        flat = values.reshape(-1)
        for i in range(flat.size):
            kept = flat[i]
            flat[i] = kept + step
            above = total()
            flat[i] = kept - step
            below = total()
            flat[i] = kept
            slope = (above - below) / (2 * step)
            error = abs(slope - gradient.reshape(-1)[i])
            assert error <= 1e-5 * max(1, abs(slope)), (name, what, i, slope, gradient.reshape(-1)[i])
    return dbottoms, dweights


class Model:
    """A layer: forward(bottoms, weights) -> tops; backward(bottoms, weights, dtops) -> gradients."""
    is_loss = False

    def __init__(self, **given):
        self.__dict__.update(given)

    def after(self, bottoms, weights):
        """The weights after a forward pass, if it changes them."""
        return None


def write(name, kind, model, bottoms, text='', weights=(), wanted=None, phase='TRAIN', about='',
          backward=True, tolerance='1e-05', tops=None, smooth=True):
    bottoms = [r32(b) for b in bottoms]
    weights = [r32(w) for w in weights]
    start = [w.copy() for w in weights]
    values = [np.asarray(t, np.float64) for t in model.forward(bottoms, weights)]
    after = model.after(bottoms, start)
    wanted = wanted or [True] * len(bottoms)
    rng = np.random.RandomState(99)
    if model.is_loss:
        dtops = [np.float64(1)] + [None] * (len(values) - 1)
    else:
        dtops = [r32(rng.uniform(0.2, 1, t.shape) * rng.choice([-1, 1], t.shape)) for t in values]
    dbottoms, dweights = [None] * len(bottoms), [None] * len(weights)
    if backward:
        if smooth:
            dbottoms, dweights = differences(model, bottoms, weights, dtops, wanted, name)
        else:
            dbottoms, dweights = model.backward(bottoms, weights, dtops)
    tops = tops or ['y', 'y2', 'y3'][:len(values)]
    os.makedirs(FOLDER, exist_ok=True)
    with open(f'{FOLDER}/{name}.prototxt', 'w') as f:
        f.write(f'# phase: {phase}\n# tolerance: {tolerance}\n')
        if not backward:
            f.write('# backward: no\n')
        f.write(f'# about: {about or model.__class__.__doc__.splitlines()[0]}\n')
        f.write(f'name: "{name}"\nforce_backward: true\n')
        for i, b in enumerate(bottoms):
            dims = ' '.join(f'dim: {d}' for d in b.shape)
            f.write(f'layer {{\n  name: "x{i}"\n  type: "Input"\n  top: "x{i}"\n'
                    f'  input_param {{\n    shape {{ {dims} }}\n  }}\n}}\n')
        f.write(f'layer {{\n  name: "layer"\n  type: "{kind}"\n')
        f.write(''.join(f'  bottom: "x{i}"\n' for i in range(len(bottoms))))
        f.write(''.join(f'  top: "{t}"\n' for t in tops))
        f.write(''.join(f'  {line.strip()}\n' for line in text.strip().splitlines()))
        f.write('}\n')
    out = b''
    if weights:
        zero = lambda w, d: np.zeros(w.shape) if d is None else d
        out += entry('layer', kind, [blob(w, zero(w, d) if backward else None)
                                     for w, d in zip(start, dweights)])
    for i, b in enumerate(bottoms):
        out += entry(f'x{i}', 'Blob', [blob(b, dbottoms[i] if backward and wanted[i] else None)])
    for t, v, d in zip(tops, values, dtops):
        out += entry(t, 'Blob', [blob(v, d if backward else None)])
    if after is not None:
        out += entry('layer', 'ParamsAfter', [blob(a) for a in after])
    with open(f'{FOLDER}/{name}.binaryproto', 'wb') as f:
        f.write(out)


def uniform(seed, shape, low=-1.0, high=1.0):
    return np.random.RandomState(seed).uniform(low, high, shape)


# ------------------------------------------------------------------------------------------------
# Values and axes
# ------------------------------------------------------------------------------------------------

class ReLU6(Model):
    """min(max(x, 0), 6) + slope min(x, 0) (chuanqi305's and jolibrain's relu6_layer)"""
    slope = 0.0

    def forward(self, b, w):
        return [np.minimum(np.maximum(b[0], 0), 6) + self.slope * np.minimum(b[0], 0)]

    def backward(self, b, w, d):
        return [d[0] * np.where(b[0] > 0, (b[0] < 6) * 1.0, self.slope)], []


class Permute(Model):
    """axis k of y is axis order[k] of x (SSD permute_layer)"""

    def forward(self, b, w):
        return [np.transpose(b[0], self.order)]

    def backward(self, b, w, d):
        return [np.transpose(d[0], np.argsort(self.order))], []


class Normalize(Model):
    """scale x / sqrt(sum x^2 + eps) (SSD normalize_layer)"""
    across, eps = True, 1e-10

    def shaped(self, b, w):
        x, s = b[0], np.asarray(w[0]).reshape((1, -1) + (1,) * (b[0].ndim - 2))
        axes = tuple(range(1, x.ndim)) if self.across else (1,)
        return x, s, axes, np.sqrt(np.sum(x * x, axes, keepdims=True) + self.eps)

    def forward(self, b, w):
        x, s, _, n = self.shaped(b, w)
        return [s * x / n]

    def backward(self, b, w, d):
        x, s, axes, n = self.shaped(b, w)
        g = s * d[0]
        ds = d[0] * x / n
        ds = np.sum(ds) if np.ndim(w[0]) == 0 else np.sum(ds, (0,) + tuple(range(2, x.ndim)))
        return [g / n - x * np.sum(g * x, axes, keepdims=True) / n ** 3], [np.asarray(ds)]


class ShuffleChannel(Model):
    """(group, C / group) channels transposed (ShuffleNet's shuffle_channel_layer)"""

    def forward(self, b, w):
        n, c = b[0].shape[:2]
        rest = b[0].shape[2:]
        y = b[0].reshape((n, self.group, c // self.group) + rest)
        return [np.swapaxes(y, 1, 2).reshape(b[0].shape)]

    def backward(self, b, w, d):
        n, c = b[0].shape[:2]
        x = d[0].reshape((n, c // self.group, self.group) + b[0].shape[2:])
        return [np.swapaxes(x, 1, 2).reshape(b[0].shape)], []


class Axpy(Model):
    """a x + y with a of (N, C) (SENet axpy_layer)"""

    def forward(self, b, w):
        a = b[0].reshape(b[0].shape[:2] + (1,) * (b[1].ndim - 2))
        return [a * b[1] + b[2]]

    def backward(self, b, w, d):
        a = b[0].reshape(b[0].shape[:2] + (1,) * (b[1].ndim - 2))
        da = np.sum(d[0] * b[1], tuple(range(2, b[1].ndim))).reshape(b[0].shape)
        return [da, a * d[0], d[0]], []


# ------------------------------------------------------------------------------------------------
# Images
# ------------------------------------------------------------------------------------------------

class Depthwise(Model):
    """each channel by its own filters (sp2823's conv_dw_layer, yonghenglh6's depthwise_conv_layer)"""
    stride, pad, dilation = (1, 1), (0, 0), (1, 1)

    def taps(self, b, w):
        x, k = b[0], w[0]
        n, c, h, wd = x.shape
        m = k.shape[0]
        size = [(s + 2 * p - (d * (t - 1) + 1)) // st + 1 for s, p, d, t, st in
                zip((h, wd), self.pad, self.dilation, k.shape[2:], self.stride)]
        for i in range(n):
            for o in range(m):
                for oy in range(size[0]):
                    for ox in range(size[1]):
                        for ky in range(k.shape[2]):
                            for kx in range(k.shape[3]):
                                iy = oy * self.stride[0] + ky * self.dilation[0] - self.pad[0]
                                ix = ox * self.stride[1] + kx * self.dilation[1] - self.pad[1]
                                if 0 <= iy < h and 0 <= ix < wd:
                                    yield (i, o, oy, ox), (o, 0, ky, kx), (i, o * c // m, iy, ix)

    def forward(self, b, w):
        x, k = b[0], w[0]
        size = [(s + 2 * p - (d * (t - 1) + 1)) // st + 1 for s, p, d, t, st in
                zip(x.shape[2:], self.pad, self.dilation, k.shape[2:], self.stride)]
        y = np.zeros((x.shape[0], k.shape[0], size[0], size[1]))
        if len(w) > 1:
            y += np.asarray(w[1]).reshape(1, -1, 1, 1)
        for at_y, at_w, at_x in self.taps(b, w):
            y[at_y] += k[at_w] * x[at_x]
        return [y]

    def backward(self, b, w, d):
        dx, dw = np.zeros(b[0].shape), np.zeros(w[0].shape)
        for at_y, at_w, at_x in self.taps(b, w):
            dx[at_x] += w[0][at_w] * d[0][at_y]
            dw[at_w] += b[0][at_x] * d[0][at_y]
        return [dx], [dw] + ([d[0].sum((0, 2, 3))] if len(w) > 1 else [])


class Unpool(Model):
    """y[mask] = x in each plane (caffe-segnet's and ENet's upsample_layer)"""

    def forward(self, b, w):
        n, c = b[0].shape[:2]
        y = np.zeros((n, c, self.size[0] * self.size[1]))
        for i in range(n):
            for j in range(c):
                for value, place in zip(b[0][i, j].flat, b[1][i, j].flat):
                    y[i, j, int(place)] = value
        return [y.reshape(n, c, *self.size)]

    def backward(self, b, w, d):
        n, c = b[0].shape[:2]
        dx = np.zeros(b[0].shape)
        for i in range(n):
            for j in range(c):
                dx[i, j] = d[0][i, j].reshape(-1)[b[1][i, j].astype(int)]
        return [dx, None], []


class Repeat(Model):
    """y[h, w] = x[h / scale, w / scale] (MobileNet-YOLO's and jolibrain's upsample_layer)"""

    def forward(self, b, w):
        return [np.repeat(np.repeat(b[0], self.scale, 2), self.scale, 3)]

    def backward(self, b, w, d):
        n, c, h, wd = b[0].shape
        return [d[0].reshape(n, c, h, self.scale, wd, self.scale).sum((3, 5))], []


class Interp(Model):
    """bilinear, corner on corner, after cutting (DeepLab's and PSPNet's interp_layer)"""
    begin, end = 0, 0

    def matrix(self, size, out):
        cut = size - self.begin - self.end
        m = np.zeros((out, size))
        for o in range(out):
            at = o * (cut - 1) / (out - 1) if out > 1 else 0.0
            low = min(int(at + 1e-12), cut - 1)
            m[o, self.begin + low] += 1 - (at - low)
            m[o, self.begin + min(low + 1, cut - 1)] += at - low
        return m

    def forward(self, b, w):
        m, n = self.matrix(b[0].shape[2], self.out[0]), self.matrix(b[0].shape[3], self.out[1])
        return [np.einsum('oh,nchw,pw->ncop', m, b[0], n)]

    def backward(self, b, w, d):
        m, n = self.matrix(b[0].shape[2], self.out[0]), self.matrix(b[0].shape[3], self.out[1])
        return [np.einsum('oh,ncop,pw->nchw', m, d[0], n)], []


class Reorg(Model):
    """Darknet's reorg: out[in_index] = in[out_index], reverse the other way (darknet, YOLO v2 ports)"""
    reverse = False

    def places(self, shape):
        _, c, h, w = shape
        s, few = self.stride, shape[1] // self.stride ** 2
        for k in range(c):
            for j in range(h):
                for i in range(w):
                    offset = k // few
                    many = i + w * (j + h * k)
                    wide = (i * s + offset % s) + w * s * ((j * s + offset // s) + h * s * (k % few))
                    yield many, wide

    def move(self, x, shape, out, reverse):
        n = shape[0]
        flat, y = x.reshape(n, -1), np.zeros((n, x.size // n))
        for many, wide in self.places(shape):
            if reverse:
                y[:, wide] = flat[:, many]
            else:
                y[:, many] = flat[:, wide]
        return y.reshape(out)

    def forward(self, b, w):
        n, c, h, wd = b[0].shape
        s = self.stride
        out = (n, c // s ** 2, h * s, wd * s) if self.reverse else (n, c * s * s, h // s, wd // s)
        return [self.move(b[0], b[0].shape, out, self.reverse)]

    def backward(self, b, w, d):
        return [self.move(d[0], b[0].shape, b[0].shape, not self.reverse)], []


# ------------------------------------------------------------------------------------------------
# Losses
# ------------------------------------------------------------------------------------------------

class SmoothL1(Model):
    """outside f(inside (a - b)) / N (py-faster-rcnn's smooth_L1_loss_layer; SSD's with sigma 1)"""
    is_loss, sigma = True, 1.0

    def parts(self, b):
        inside = b[2] if len(b) > 2 else np.ones(b[0].shape)
        outside = b[3] if len(b) > 3 else np.ones(b[0].shape)
        return inside, outside, inside * (b[0] - b[1].reshape(b[0].shape))

    def forward(self, b, w):
        _, outside, d = self.parts(b)
        s2 = self.sigma ** 2
        f = np.where(np.abs(d) < 1 / s2, 0.5 * s2 * d * d, np.abs(d) - 0.5 / s2)
        return [np.sum(outside * f) / b[0].shape[0]]

    def backward(self, b, w, d):
        inside, outside, e = self.parts(b)
        s2 = self.sigma ** 2
        g = np.where(np.abs(e) < 1 / s2, s2 * e, np.sign(e)) * inside * outside / b[0].shape[0] * d[0]
        return [g, -g.reshape(b[1].shape)] + [None] * (len(b) - 2), []


class L1(Model):
    """sum |a - b| / N, or of lengths; NaN counts nothing (FlowNet 2's l1loss_layer)"""
    is_loss, length, prescale, entries, eps, plateau = True, False, False, False, 1e-2, 0.0

    def parts(self, b):
        e = b[0] - (b[1] if len(b) > 1 else 0)
        valid = e == e
        e = np.where(valid, e, 0)
        c = e.shape[1]
        return e, valid, c, (valid.sum() / c if self.entries else e.shape[0])

    def forward(self, b, w):
        e, valid, c, norm = self.parts(b)
        if self.length:
            s = np.sum(e * e, 1) / (c if self.prescale else 1)
            s = np.where(s < self.plateau ** 2, 0, s)
            return [np.sum(np.sqrt(s + self.eps)) / norm]
        return [np.sum(np.where(np.abs(e) >= self.plateau, np.abs(e), 0)) / norm]

    def backward(self, b, w, d):
        e, valid, c, norm = self.parts(b)
        if self.length:
            k = c if self.prescale else 1
            s = np.sum(e * e, 1, keepdims=True) / k
            g = np.where(s < self.plateau ** 2, 0, e / k / np.sqrt(s + self.eps)) / norm
        else:
            g = np.where(np.abs(e) >= self.plateau, np.sign(e), 0) / norm
        g = np.where(valid, g, 0) * d[0]
        return [g, -g][:len(b)], []


class SoftmaxTerms(Model):
    """weights of classes (caffe-segnet), label smoothing (Szegedy 2016), focal loss (Lin 2017)"""
    is_loss, weights, smoothing, gamma, ignored = True, None, 0.0, 0.0, None

    def parts(self, b):
        x = np.moveaxis(b[0], 1, -1).reshape(-1, b[0].shape[1])
        labels = b[1].reshape(-1).astype(int)
        e = np.exp(x - x.max(1, keepdims=True))
        counts = labels != self.ignored
        weight = np.ones(x.shape[1]) if self.weights is None else np.asarray(self.weights)
        return e / e.sum(1, keepdims=True), labels, counts, weight

    def forward(self, b, w):
        p, labels, counts, weight = self.parts(b)
        loss = 0.0
        for row, label, c in zip(p, labels, counts):
            if not c:
                continue
            q = self.smoothing / len(row) + (1 - self.smoothing) * (np.arange(len(row)) == label)
            value = -np.sum(q * np.log(row))
            if self.gamma:
                value = -(1 - row[label]) ** self.gamma * math.log(row[label])
            loss += weight[label] * value
        return [loss / max(1, counts.sum())]

    def backward(self, b, w, d):
        p, labels, counts, weight = self.parts(b)
        g = np.zeros(p.shape)
        for i, (row, label, c) in enumerate(zip(p, labels, counts)):
            if not c:
                continue
            one = (np.arange(len(row)) == label) * 1.0
            q = self.smoothing / len(row) + (1 - self.smoothing) * one
            g[i] = row - q
            if self.gamma:
                t = row[label]
                slope = (self.gamma * (1 - t) ** (self.gamma - 1) * math.log(t)
                         - (1 - t) ** self.gamma / t)
                g[i] = slope * t * (one - row)
            g[i] *= weight[label]
        g *= d[0] / max(1, counts.sum())
        shape = np.moveaxis(b[0], 1, -1).shape
        return [np.moveaxis(g.reshape(shape), -1, 1), None], []


class MultiLabelLoss(Model):
    """cross-entropy over targets within 0...1, others ignored (jolibrain's multi_label_sigmoid_loss)"""
    is_loss = True

    def forward(self, b, w):
        x, t = b[0], b[1].reshape(b[0].shape)
        counts = (t >= 0) & (t <= 1)
        loss = np.sum(np.where(counts, np.logaddexp(0, x) - x * t, 0))
        top = loss / (counts.sum() or x.shape[0])
        return [top, 1 / (1 + np.exp(-x))][:self.tops]

    tops = 1

    def backward(self, b, w, d):
        x, t = b[0], b[1].reshape(b[0].shape)
        counts = (t >= 0) & (t <= 1)
        g = np.where(counts, 1 / (1 + np.exp(-x)) - t, 0) / (counts.sum() or x.shape[0])
        return [g * d[0], None], []


class MultiLabelAccuracy(Model):
    """recall, specificity, their harmonic mean, precision, F1 (sguada's multi_label_accuracy_layer)"""

    def forward(self, b, w):
        t = b[1].reshape(b[0].shape)
        yes, said = t > 0.5, b[0] >= 0
        no = (t >= 0) & (t <= 0.5)
        tp, fn = np.sum(yes & said), np.sum(yes & ~said)
        tn, fp = np.sum(no & ~said), np.sum(no & said)
        div = lambda a, c: a / c if c else 0.0
        recall, spec = div(tp, tp + fn), div(tn, tn + fp)
        return [np.array([recall, spec, div(2 * recall * spec, recall + spec), div(tp, tp + fp),
                          div(2 * tp, 2 * tp + fp + fn)])]


# ------------------------------------------------------------------------------------------------
# Batch normalisation
# ------------------------------------------------------------------------------------------------

class BatchNormal(Model):
    """slope (x - mean) / sqrt(variance + eps) + bias: what all three forms below have in common"""
    eps = 1e-5
    measures = True

    def wide(self, v, x):
        return np.asarray(v).reshape((1, -1) + (1,) * (x.ndim - 2))

    def axes(self, x):
        return (0,) + tuple(range(2, x.ndim))

    def run(self, x, mean, var, slope, bias):
        if self.measures:
            mean, var = x.mean(self.axes(x)), x.var(self.axes(x))
        root = np.sqrt(self.wide(var, x) + self.eps)
        norm = (x - self.wide(mean, x)) / root
        return norm * self.wide(slope, x) + self.wide(bias, x), norm, root

    def back(self, x, d, norm, root, slope):
        g = d * self.wide(slope, x)
        ds, db = (d * norm).sum(self.axes(x)), d.sum(self.axes(x))
        if self.measures:
            mean = lambda a: a.mean(self.axes(x), keepdims=True)
            return (g - mean(g) - norm * mean(g * norm)) / root, ds, db
        return g / root, ds, db


class SegNetBN(BatchNormal):
    """scale (x - mean) / sqrt(var + 1e-9) + shift of the batch, or scale x + shift (caffe-segnet bn_layer)"""
    eps = 1e-9
    infers = False

    def forward(self, b, w):
        if self.infers:
            return [b[0] * self.wide(w[0], b[0]) + self.wide(w[1], b[0])]
        return [self.run(b[0], None, None, w[0], w[1])[0]]

    def backward(self, b, w, d):
        if self.infers:
            axes = self.axes(b[0])
            grads = [d[0] * self.wide(w[0], b[0])], [(d[0] * b[0]).sum(axes), d[0].sum(axes)]
        else:
            _, norm, root = self.run(b[0], None, None, w[0], w[1])
            dx, ds, db = self.back(b[0], d[0], norm, root, w[0])
            grads = [dx], [ds, db]
        return grads[0], [g.reshape(w[0].shape) for g in grads[1]]


class PSPNetBN(BatchNormal):
    """slope, bias, moving mean and variance (yjxiong's and PSPNet's bn_layer)"""
    momentum = 0.9
    frozen = False

    def forward(self, b, w):
        return [self.run(b[0], w[2], w[3], w[0], w[1])[0]]

    def after(self, b, w):
        if not self.measures:
            return None
        m, x = self.momentum, b[0]
        mean, var = x.mean(self.axes(x)), x.var(self.axes(x))
        return [w[0], w[1], m * w[2] + (1 - m) * mean.reshape(w[2].shape),
                m * w[3] + (1 - m) * var.reshape(w[3].shape)]

    def backward(self, b, w, d):
        _, norm, root = self.run(b[0], w[2], w[3], w[0], w[1])
        dx, ds, db = self.back(b[0], d[0], norm, root, w[0])
        learns = [None, None] if self.frozen else [ds.reshape(w[0].shape), db.reshape(w[0].shape)]
        return [dx], learns + [None, None]


class NVCaffeBN(BatchNormal):
    """BatchNorm with scale_bias: mean, variance, weight, scale, bias (NVCaffe batch_norm_layer)"""

    def forward(self, b, w):
        weight = w[2][0] or 1.0
        return [self.run(b[0], w[0] / weight, w[1] / weight, w[3], w[4])[0]]

    def backward(self, b, w, d):
        weight = w[2][0] or 1.0
        _, norm, root = self.run(b[0], w[0] / weight, w[1] / weight, w[3], w[4])
        dx, ds, db = self.back(b[0], d[0], norm, root, w[3])
        return [dx], [None, None, None, ds, db]


# ------------------------------------------------------------------------------------------------
# Regions
# ------------------------------------------------------------------------------------------------

def c_round(v):
    return math.floor(abs(v) + 0.5) * (1 if v >= 0 else -1)


class ROIPooling(Model):
    """the largest value of each cell of a region (Fast R-CNN's roi_pooling_layer)"""

    def cells(self, b):
        x, rois = b
        h, w = x.shape[2:]
        for r, roi in enumerate(rois.reshape(-1, 5)):
            x1, y1, x2, y2 = (c_round(v * self.scale) for v in roi[1:])
            bin_h = max(y2 - y1 + 1, 1) / self.size[0]
            bin_w = max(x2 - x1 + 1, 1) / self.size[1]
            clip = lambda v, top: min(max(v, 0), top)
            for ph in range(self.size[0]):
                for pw in range(self.size[1]):
                    yield r, int(roi[0]), ph, pw, (
                        clip(math.floor(ph * bin_h) + y1, h),
                        clip(math.ceil((ph + 1) * bin_h) + y1, h),
                        clip(math.floor(pw * bin_w) + x1, w),
                        clip(math.ceil((pw + 1) * bin_w) + x1, w))

    def forward(self, b, w):
        count = b[1].reshape(-1, 5).shape[0]
        y = np.zeros((count, b[0].shape[1]) + self.size)
        for r, n, ph, pw, (h0, h1, w0, w1) in self.cells(b):
            if h1 > h0 and w1 > w0:
                y[r, :, ph, pw] = b[0][n, :, h0:h1, w0:w1].max((1, 2))
        return [y]

    def backward(self, b, w, d):
        dx = np.zeros(b[0].shape)
        for r, n, ph, pw, (h0, h1, w0, w1) in self.cells(b):
            if h1 > h0 and w1 > w0:
                for c in range(dx.shape[1]):
                    part = b[0][n, c, h0:h1, w0:w1]
                    at = np.unravel_index(part.argmax(), part.shape)
                    dx[n, c, h0 + at[0], w0 + at[1]] += d[0][r, c, ph, pw]
        return [dx, None], []


class PSROIPooling(Model):
    """the mean of each cell, over the channel of that cell (R-FCN's psroi_pooling_layer)"""

    def cells(self, b):
        x, rois = b
        h, w = x.shape[2:]
        g = self.group
        for r, roi in enumerate(rois.reshape(-1, 5)):
            x1, y1 = c_round(roi[1]) * self.scale, c_round(roi[2]) * self.scale
            x2, y2 = (c_round(roi[3]) + 1) * self.scale, (c_round(roi[4]) + 1) * self.scale
            bin_h, bin_w = max(y2 - y1, 0.1) / g, max(x2 - x1, 0.1) / g
            clip = lambda v, top: min(max(v, 0), top)
            for ph in range(g):
                for pw in range(g):
                    yield r, int(roi[0]), ph, pw, (
                        clip(math.floor(ph * bin_h + y1), h), clip(math.ceil((ph + 1) * bin_h + y1), h),
                        clip(math.floor(pw * bin_w + x1), w), clip(math.ceil((pw + 1) * bin_w + x1), w))

    def each(self, b):
        for r, n, ph, pw, (h0, h1, w0, w1) in self.cells(b):
            if h1 > h0 and w1 > w0:
                for c in range(self.out):
                    channel = (c * self.group + ph) * self.group + pw
                    yield (r, c, ph, pw), (n, channel, slice(h0, h1), slice(w0, w1))

    def forward(self, b, w):
        y = np.zeros((b[1].reshape(-1, 5).shape[0], self.out, self.group, self.group))
        for at, part in self.each(b):
            y[at] = b[0][part].mean()
        return [y]

    def backward(self, b, w, d):
        dx = np.zeros(b[0].shape)
        for at, part in self.each(b):
            dx[part] += d[0][at] / dx[part].size
        return [dx, None], []


class PriorBox(Model):
    """boxes of fixed sizes over the places of a map (SSD's prior_box_layer)"""
    max_sizes, ratios, flip, clip, variance, offset = (), (), True, False, (0.1,), 0.5
    image, step = None, None

    def forward(self, b, w):
        h, wd = b[0].shape[2:]
        image = self.image or b[1].shape[2:]
        step = self.step or (image[0] / h, image[1] / wd)
        ratios = [1.0]
        for r in self.ratios:
            if not any(abs(r - known) < 1e-6 for known in ratios):
                ratios.append(r)
                if self.flip:
                    ratios.append(1 / r)
        boxes = []
        for i in range(h):
            for j in range(wd):
                cx, cy = (j + self.offset) * step[1], (i + self.offset) * step[0]
                for s, size in enumerate(self.min_sizes):
                    sides = [(size, size)]
                    if self.max_sizes:
                        sides.append((math.sqrt(size * self.max_sizes[s]),) * 2)
                    sides += [(size * math.sqrt(r), size / math.sqrt(r)) for r in ratios if abs(r - 1) >= 1e-6]
                    for bw, bh in sides:
                        boxes.append([(cx - bw / 2) / image[1], (cy - bh / 2) / image[0],
                                      (cx + bw / 2) / image[1], (cy + bh / 2) / image[0]])
        boxes = np.array(boxes)
        if self.clip:
            boxes = np.clip(boxes, 0, 1)
        four = list(self.variance) if len(self.variance) == 4 else list(self.variance) * 4
        return [np.stack([boxes.reshape(-1), np.tile(four, len(boxes))])[None]]


def overlap(a, b, extra):
    """Area of the common part over that of the union."""
    area = lambda x: (x[2] - x[0] + extra) * (x[3] - x[1] + extra) if x[2] >= x[0] and x[3] >= x[1] else 0
    w = min(a[2], b[2]) - max(a[0], b[0]) + extra
    h = min(a[3], b[3]) - max(a[1], b[1]) + extra
    return w * h / (area(a) + area(b) - w * h) if w > 0 and h > 0 else 0


def suppress(order, boxes, threshold, extra=0, eta=1.0):
    kept = []
    for i in order:
        if all(overlap(boxes[i], boxes[k], extra) <= threshold for k in kept):
            kept.append(i)
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return kept


class DetectionOutput(Model):
    """boxes from offsets, the best of each class (SSD's detection_output_layer)"""
    code, share, background, encoded, keep, confidence = 'CORNER', True, 0, False, -1, -3.4e38
    nms, top, eta = 0.3, -1, 1.0

    def decode(self, p, v, l):
        v = [1] * 4 if self.encoded else v
        w, h = p[2] - p[0], p[3] - p[1]
        if self.code == 'CORNER':
            return [p[k] + v[k] * l[k] for k in range(4)]
        if self.code == 'CORNER_SIZE':
            return [p[k] + v[k] * l[k] * (w, h)[k % 2] for k in range(4)]
        cx, cy = v[0] * l[0] * w + (p[0] + p[2]) / 2, v[1] * l[1] * h + (p[1] + p[3]) / 2
        bw, bh = math.exp(v[2] * l[2]) * w, math.exp(v[3] * l[3]) * h
        return [cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2]

    def forward(self, b, w):
        loc, conf, prior = b
        count = prior.shape[2] // 4
        boxes, variances = prior[0].reshape(2, count, 4)
        n = loc.shape[0]
        kinds = 1 if self.share else self.classes
        loc, conf = loc.reshape(n, count, kinds, 4), conf.reshape(n, count, self.classes)
        rows = []
        for i in range(n):
            found = []
            for c in range(self.classes):
                if c == self.background:
                    continue
                decoded = [self.decode(boxes[k], variances[k], loc[i, k, 0 if self.share else c])
                           for k in range(count)]
                scores = conf[i, :, c]
                order = sorted((k for k in range(count) if scores[k] > self.confidence),
                               key=lambda k: -scores[k])
                if self.top > -1:
                    order = order[:self.top]
                found += [(c, scores[k], decoded[k]) for k in suppress(order, decoded, self.nms, 0, self.eta)]
            if self.keep > -1 and len(found) > self.keep:
                found = sorted(found, key=lambda f: -f[1])[:self.keep]
            found.sort(key=lambda f: (f[0], -f[1]))
            rows += [[i, c, s] + box for c, s, box in found]
        if not rows:
            rows = [[i] + [-1] * 6 for i in range(n)]
        return [np.array(rows)[None, None]]


class Proposal(Model):
    """regions from anchors (py-faster-rcnn's rpn/proposal_layer.py)"""
    stride, base, smallest = 16, 16, 16
    ratios, scales = (0.5, 1.0, 2.0), (8.0, 16.0, 32.0)
    before, most, nms = 6000, 300, 0.7

    def anchors(self):
        out = []
        side, middle = self.base, (self.base - 1) / 2
        for ratio in self.ratios:
            w = np.round(math.sqrt(side * side / ratio))
            h = np.round(w * ratio)
            for scale in self.scales:
                bw, bh = w * scale, h * scale
                out.append([middle - (bw - 1) / 2, middle - (bh - 1) / 2,
                            middle + (bw - 1) / 2, middle + (bh - 1) / 2])
        return np.array(out)

    def forward(self, b, w):
        scores, deltas, info = b
        anchors = self.anchors()
        a = len(anchors)
        n, _, h, wd = scores.shape
        rois, values = [], []
        for i in range(n):
            im = info.reshape(-1, info.shape[-1])[min(i, info.shape[0] - 1)]
            boxes, points = [], []
            for y in range(h):
                for x in range(wd):
                    for k in range(a):
                        box = anchors[k] + np.array([x, y, x, y]) * self.stride
                        d = deltas[i, 4 * k:4 * k + 4, y, x]
                        bw, bh = box[2] - box[0] + 1, box[3] - box[1] + 1
                        cx, cy = d[0] * bw + box[0] + bw / 2, d[1] * bh + box[1] + bh / 2
                        pw, ph = math.exp(d[2]) * bw, math.exp(d[3]) * bh
                        box = np.array([cx - pw / 2, cy - ph / 2, cx + pw / 2, cy + ph / 2])
                        box = np.clip(box, 0, [im[1] - 1, im[0] - 1] * 2)
                        if min(box[2] - box[0] + 1, box[3] - box[1] + 1) >= self.smallest * im[2]:
                            boxes.append(box)
                            points.append(scores[i, a + k, y, x])
            order = sorted(range(len(boxes)), key=lambda k: -points[k])
            if self.before:
                order = order[:self.before]
            kept = suppress(order, boxes, self.nms, 1)
            if self.most:
                kept = kept[:self.most]
            rois += [[i] + list(boxes[k]) for k in kept]
            values += [[points[k]] for k in kept]
        return [np.array(rois), np.array(values)][:self.tops]

    tops = 1


# ------------------------------------------------------------------------------------------------
# Cases
# ------------------------------------------------------------------------------------------------

def values_and_axes():
    write('relu6', 'ReLU6', ReLU6(), [uniform(1, (2, 3, 4), -3, 9)])
    write('relu6_slope', 'ReLU6', ReLU6(slope=0.25), [uniform(2, (3, 5), -3, 9)],
          'relu_param { negative_slope: 0.25 }')
    for name, order, shape in [('ssd', (0, 2, 3, 1), (2, 3, 4, 5)), ('batch', (2, 0, 1), (3, 4, 2)),
                               ('mixed', (3, 1, 0, 2), (2, 3, 4, 2)), ('swap', (0, 3, 2, 1), (2, 2, 3, 4))]:
        write('permute_' + name, 'Permute', Permute(order=order), [uniform(3, shape)],
              'permute_param { ' + ' '.join(f'order: {o}' for o in order) + ' }')
    write('permute_short', 'Permute', Permute(order=(0, 2, 1, 3)), [uniform(4, (2, 3, 4, 2))],
          'permute_param { order: 0 order: 2 }', about='axes that are left out follow')
    write('normalize_across', 'Normalize', Normalize(), [uniform(5, (2, 3, 2, 3))],
          weights=[np.float64(1.5)])
    write('normalize_conv4_3', 'Normalize', Normalize(across=False), [uniform(6, (2, 4, 3, 2))],
          'norm_param { across_spatial: false channel_shared: false scale_filler { value: 20 } }',
          [uniform(7, (4,), 10, 20)], about='as in SSD behind conv4_3')
    write('normalize_channels', 'Normalize', Normalize(eps=0.25), [uniform(8, (3, 4, 2))],
          'norm_param { channel_shared: false eps: 0.25 }', [uniform(9, (4,))])
    write('normalize_places', 'Normalize', Normalize(across=False, eps=0.5), [uniform(10, (2, 3, 4))],
          'norm_param { across_spatial: false eps: 0.5 }', [np.float64(2)])
    write('shufflechannel_3', 'ShuffleChannel', ShuffleChannel(group=3), [uniform(11, (2, 12, 2, 2))],
          'shuffle_channel_param { group: 3 }')
    write('shufflechannel_2d', 'ShuffleChannel', ShuffleChannel(group=2), [uniform(12, (3, 6))],
          'shuffle_channel_param { group: 2 }')
    write('axpy_4d', 'Axpy', Axpy(),
          [uniform(13, (2, 3, 1, 1)), uniform(14, (2, 3, 2, 4)), uniform(15, (2, 3, 2, 4))])
    write('axpy_2d', 'Axpy', Axpy(), [uniform(16, (3, 4)), uniform(17, (3, 4, 5)), uniform(18, (3, 4, 5))])


def images():
    for kind in ['DepthwiseConvolution', 'ConvolutionDepthwise', 'DepthwiseConv']:
        write(kind.lower() + '_3x3', kind, Depthwise(pad=(1, 1)), [uniform(20, (2, 3, 5, 6))],
              'convolution_param { num_output: 3 kernel_size: 3 pad: 1 group: 3 }',
              [uniform(21, (3, 1, 3, 3)), uniform(22, (3,))], tolerance='1e-4')
    write('depthwiseconvolution_s2', 'DepthwiseConvolution', Depthwise(pad=(1, 1), stride=(2, 2)),
          [uniform(23, (2, 4, 7, 6))],
          'convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 bias_term: false }',
          [uniform(24, (4, 1, 3, 3))], tolerance='1e-4')
    write('depthwiseconvolution_mixed', 'DepthwiseConvolution',
          Depthwise(pad=(2, 0), stride=(1, 2), dilation=(2, 1)), [uniform(25, (1, 2, 6, 7))],
          'convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 pad_h: 2 pad_w: 0\n'
          'stride_h: 1 stride_w: 2 dilation: 2 dilation: 1 }',
          [uniform(26, (4, 1, 3, 2)), uniform(27, (4,))], tolerance='1e-4',
          about='two filters for each channel; all sizes differ')
    mask = np.array([[0, 3, 4], [12, 15, 17]], float) + np.zeros((2, 2, 1, 1))
    write('upsample_mask', 'Upsample', Unpool(size=(4, 6)), [uniform(30, (2, 2, 2, 3)), mask],
          'upsample_param { scale: 2 }', wanted=[True, False])
    small = np.array([[0, 3], [11, 14]], float) + np.zeros((1, 2, 1, 1))
    write('upsample_size', 'Upsample', Unpool(size=(3, 5)), [uniform(31, (1, 2, 2, 2)), small],
          'upsample_param { upsample_h: 3 upsample_w: 5 }', wanted=[True, False])
    odd = np.array([[0, 2], [6, 8]], float) + np.zeros((1, 1, 1, 1))
    write('upsample_pad_out', 'Upsample', Unpool(size=(3, 3)), [uniform(32, (1, 1, 2, 2)), odd],
          'upsample_param { scale: 2 pad_out_h: true pad_out_w: true }', wanted=[True, False])
    write('upsample_twice', 'Upsample', Unpool(size=(4, 4)),
          [uniform(33, (1, 1, 2, 2)), np.array([[[[1., 1], [9, 4]]]])], 'upsample_param { scale: 2 }',
          wanted=[True, False], smooth=False,
          about='two values for one place: the later stays; both get its gradient, as in SegNet')
    write('upsample_nearest', 'Upsample', Repeat(scale=2), [uniform(34, (2, 2, 3, 2))],
          'upsample_param { scale: 2 }')
    for name, shape, out, cut, text in [
            ('size', (2, 2, 3, 4), (5, 7), (0, 0), 'height: 5 width: 7'),
            ('zoom', (1, 2, 3, 2), (7, 4), (0, 0), 'zoom_factor: 3'),
            ('shrink', (1, 2, 9, 6), (4, 2), (1, 1), 'shrink_factor: 2 pad_beg: -1 pad_end: -1'),
            ('both', (1, 2, 7, 9), (5, 5), (0, 0), 'shrink_factor: 3 zoom_factor: 2'),
            ('smaller', (1, 1, 6, 7), (4, 3), (0, 0), 'height: 4 width: 3'),
            ('one', (2, 1, 4, 3), (1, 1), (0, 0), 'height: 1 width: 1'),
            ('from_one', (1, 3, 1, 1), (4, 3), (0, 0), 'height: 4 width: 3')]:
        if name == 'both':
            out = (((7 - 1) // 3 + 1) * 2 - 1, ((9 - 1) // 3 + 1) * 2 - 1)
        write('interp_' + name, 'Interp', Interp(out=out, begin=cut[0], end=cut[1]),
              [uniform(35, shape)], f'interp_param {{ {text} }}')
    write('reorg', 'Reorg', Reorg(stride=2), [uniform(36, (2, 8, 4, 6))], 'reorg_param { stride: 2 }')
    write('reorg_reverse', 'Reorg', Reorg(stride=2, reverse=True), [uniform(37, (2, 8, 2, 3))],
          'reorg_param { stride: 2 reverse: true }')
    write('reorg_3', 'Reorg', Reorg(stride=3), [uniform(38, (1, 9, 3, 6))], 'reorg_param { stride: 3 }')


def losses():
    write('smoothl1loss_ssd', 'SmoothL1Loss', SmoothL1(), [uniform(40, (4, 3, 2), -2, 2), uniform(41, (4, 3, 2), -2, 2)])
    write('smoothl1loss_rcnn', 'SmoothL1Loss', SmoothL1(sigma=3.0),
          [uniform(42, (3, 8)), uniform(43, (3, 8)), uniform(44, (3, 8), 0, 1), uniform(45, (3, 8), 0, 1)],
          'smooth_l1_loss_param { sigma: 3 }', wanted=[True, True, False, False])
    write('smoothl1loss_weights', 'SmoothL1Loss', SmoothL1(),
          [uniform(46, (4, 4), -2, 2), uniform(47, (4, 4), -2, 2), np.eye(4)], wanted=[True, True, False])
    write('l1loss', 'L1Loss', L1(), [uniform(48, (3, 2, 2, 2)), uniform(49, (3, 2, 2, 2))])
    write('l1loss_one', 'L1Loss', L1(entries=True, plateau=0.2), [uniform(50, (3, 4))],
          'l1_loss_param { normalize_by_num_entries: true plateau: 0.2 }')
    target = uniform(51, (2, 2, 3, 2))
    target[0, :, 1, 0] = np.nan
    write('l1loss_nan', 'L1Loss', L1(entries=True), [uniform(52, (2, 2, 3, 2)), target],
          'l1_loss_param { normalize_by_num_entries: true }', wanted=[True, False],
          about='flow that is not known is NaN: it counts nothing')
    write('l1loss_length', 'L1Loss', L1(length=True), [uniform(53, (2, 2, 3, 2)), uniform(54, (2, 2, 3, 2))],
          'l1_loss_param { l2_per_location: true }')
    write('l1loss_plateau', 'L1Loss', L1(length=True, prescale=True, entries=True, eps=0.1, plateau=0.4),
          [uniform(55, (2, 3, 2, 2)), uniform(56, (2, 3, 2, 2))],
          'l1_loss_param { l2_per_location: true l2_prescale_by_channels: true\n'
          'normalize_by_num_entries: true epsilon: 0.1 plateau: 0.4 }')
    labels = np.array([[1., 0], [2, 1], [2, 2], [0, 1]])
    both = dict(wanted=[True, False])
    write('softmaxwithloss_weights', 'SoftmaxWithLoss', SoftmaxTerms(weights=(0.5, 2, 0.25), ignored=1),
          [uniform(57, (4, 3, 2), -2, 2), labels],
          'loss_param { ignore_label: 1 weight_by_label_freqs: true\n'
          'class_weighting: 0.5 class_weighting: 2 class_weighting: 0.25 }', **both)
    write('softmaxwithloss_smoothing', 'SoftmaxWithLoss', SoftmaxTerms(smoothing=0.1, weights=(1, 3, 2)),
          [uniform(58, (4, 3, 2), -2, 2), labels],
          'loss_param { label_smoothing: 0.1 class_weighting: 1 class_weighting: 3 class_weighting: 2 }', **both)
    write('softmaxwithloss_focal', 'SoftmaxWithLoss', SoftmaxTerms(gamma=2.0, weights=(1, 0.25, 4)),
          [uniform(59, (4, 3, 2), -3, 3), labels],
          'loss_param { focal_gamma: 2 class_weighting: 1 class_weighting: 0.25 class_weighting: 4 }', **both)
    targets = np.array([[1., 0, -1, 1], [0, 0.25, 1, -1], [1, 1, 0, 0]])
    write('multilabelsigmoidloss', 'MultiLabelSigmoidLoss', MultiLabelLoss(), [uniform(60, (3, 4), -3, 3), targets], **both)
    write('multilabelsigmoidloss_two', 'MultiLabelSigmoidLoss', MultiLabelLoss(tops=2),
          [uniform(61, (3, 4), -3, 3), targets], 'loss_weight: 1\nloss_weight: 0', backward=False)
    write('multilabelaccuracy', 'MultiLabelAccuracy', MultiLabelAccuracy(), [uniform(62, (3, 4)), targets],
          backward=False, phase='TEST')


def normalisation():
    x = uniform(70, (3, 4, 2, 3), -2, 3)
    four = (1, 4, 1, 1)
    pair = [uniform(71, four, 0.5, 2), uniform(72, four)]
    fillers = 'scale_filler { value: 1 } shift_filler { value: 0 }'
    write('bn_segnet_learn', 'BN', SegNetBN(), [x], f'bn_param {{ {fillers} }}', pair)
    write('bn_segnet_inference', 'BN', SegNetBN(infers=True), [x],
          f'bn_param {{ {fillers} bn_mode: INFERENCE }}', pair, phase='TEST')
    stats = [uniform(73, four), uniform(74, four, 0.5, 2)]
    names = 'slope_filler { value: 1 } bias_filler { value: 0 }'
    write('bn_pspnet_train', 'BN', PSPNetBN(momentum=0.95), [x], f'bn_param {{ {names} momentum: 0.95 }}', pair + stats)
    write('bn_pspnet_test', 'BN', PSPNetBN(measures=False), [x], f'bn_param {{ {names} }}', pair + stats, phase='TEST')
    write('bn_pspnet_frozen', 'BN', PSPNetBN(measures=False, frozen=True, eps=1e-3), [x],
          f'bn_param {{ {names} frozen: true eps: 1e-3 }}', pair + stats)
    write('bn_moving_train', 'BN', PSPNetBN(momentum=0.8, eps=1e-3), [x],
          f'bn_param {{ {fillers} decay: 0.2 var_eps: 1e-3 }}', pair + stats)
    own = [uniform(75, (4,)), uniform(76, (4,), 0.5, 2), np.array([2.5]), uniform(77, (4,), 0.5, 2), uniform(78, (4,))]
    write('batchnorm_scale_bias_test', 'BatchNorm', NVCaffeBN(measures=False), [x],
          'batch_norm_param { scale_bias: true }', own, phase='TEST')
    write('batchnorm_scale_bias_train', 'BatchNorm', NVCaffeBN(eps=1e-4), [x],
          'batch_norm_param { scale_bias: true eps: 1e-4 }', own)


def regions():
    rois = np.array([[0, 0, 0, 50, 40], [1, 10, 20, 30, 70], [0, 63, 10, 70, 12], [1, 90, 90, 120, 100],
                     [0, 20, 20, 10, 10]], float)
    one = dict(wanted=[True, False])
    write('roipooling', 'ROIPooling', ROIPooling(size=(3, 2), scale=0.125),
          [uniform(80, (2, 3, 9, 8)), rois],
          'roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.125 }',
          about='regions inside, over the border, outside and turned round', **one)
    write('roipooling_4d', 'ROIPooling', ROIPooling(size=(2, 2), scale=0.0625),
          [uniform(81, (1, 2, 7, 7)), np.array([[0, 8, 8, 88, 100], [0, 0, 0, 15, 15]], float).reshape(2, 5, 1, 1)],
          'roi_pooling_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.0625 }', **one)
    write('psroipooling', 'PSROIPooling', PSROIPooling(group=3, out=2, scale=0.125),
          [uniform(82, (2, 18, 9, 8)), rois],
          'psroi_pooling_param { spatial_scale: 0.125 output_dim: 2 group_size: 3 }', **one)
    plain = dict(backward=False)
    maps = [np.zeros((2, 1, 2, 3)), np.zeros((2, 3, 60, 90))]
    write('priorbox', 'PriorBox', PriorBox(min_sizes=(30,), max_sizes=(60,), ratios=(2, 3), variance=(.1, .1, .2, .2)),
          maps, 'prior_box_param { min_size: 30 max_size: 60 aspect_ratio: 2 aspect_ratio: 3\n'
          'variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 }', **plain)
    write('priorbox_clip', 'PriorBox', PriorBox(min_sizes=(30, 50), ratios=(2,), flip=False, clip=True,
                                                image=(100, 80), step=(40, 30), offset=0.25),
          maps, 'prior_box_param { min_size: 30 min_size: 50 aspect_ratio: 2 flip: false clip: true\n'
          'img_h: 100 img_w: 80 step_h: 40 step_w: 30 offset: 0.25 }', **plain)
    priors = PriorBox(min_sizes=(24,), max_sizes=(40,), ratios=(2,), variance=(.1, .1, .2, .2)).forward(
        [np.zeros((1, 1, 3, 3)), np.zeros((1, 3, 60, 60))], [])[0]
    count = priors.shape[2] // 4

    for name, text, given in [
            ('ssd', 'num_classes: 4 code_type: CENTER_SIZE keep_top_k: 9 confidence_threshold: 0.3\n'
             'nms_param { nms_threshold: 0.45 top_k: 20 }',
             dict(classes=4, code='CENTER_SIZE', keep=9, confidence=0.3, nms=0.45, top=20)),
            ('corner', 'num_classes: 3 share_location: false background_label_id: -1\n'
             'nms_param { nms_threshold: 0.2 }', dict(classes=3, share=False, background=-1, nms=0.2)),
            ('corner_size', 'num_classes: 3 code_type: CORNER_SIZE variance_encoded_in_target: true\n'
             'confidence_threshold: 0.6 nms_param { nms_threshold: 0.7 eta: 0.9 }',
             dict(classes=3, code='CORNER_SIZE', encoded=True, confidence=0.6, nms=0.7, eta=0.9)),
            ('none', 'num_classes: 3 confidence_threshold: 2', dict(classes=3, confidence=2.0))]:
        model = DetectionOutput(**given)
        kinds = 1 if model.share else model.classes
        write('detectionoutput_' + name, 'DetectionOutput', model,
              [uniform(86, (2, count * kinds * 4)), uniform(85, (2, count * model.classes), 0, 1), priors],
              'detection_output_param { ' + text + ' }', phase='TEST', **plain)
    info = np.array([[120., 150, 1]])
    write('proposal', 'Proposal', Proposal(most=12), [
        uniform(87, (1, 18, 5, 6), 0, 1), uniform(88, (1, 36, 5, 6), -0.3, 0.3), info],
          'proposal_param { post_nms_topn: 12 }', phase='TEST', tolerance='1e-4', **plain)
    write('proposal_two', 'Proposal', Proposal(stride=8, base=8, smallest=6, ratios=(0.5, 2.0), scales=(2.0, 4.0),
                                               before=40, most=10, nms=0.5, tops=2),
          [uniform(89, (2, 8, 4, 5), 0, 1), uniform(90, (2, 16, 4, 5), -0.5, 0.5), np.array([[40., 50, 1.5], [32, 40, 1]])],
          'proposal_param { feat_stride: 8 base_size: 8 min_size: 6 ratio: 0.5 ratio: 2 scale: 2 scale: 4\n'
          'pre_nms_topn: 40 post_nms_topn: 10 nms_thresh: 0.5 }', tolerance='1e-4', phase='TEST',
          about='a batch of two, with scores as second top', **plain)


if __name__ == '__main__':
    for make in [values_and_axes, images, losses, normalisation, regions]:
        make()
    print(f'{len([f for f in os.listdir(FOLDER) if f.endswith(".prototxt")])} cases in {FOLDER}')
