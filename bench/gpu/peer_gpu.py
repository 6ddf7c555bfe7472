#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps of the networks of examples/ in PyTorch, on a GPU: what bench/gpu/compare.sh
compares with.

  peer_gpu.py NETWORK [options]         times the variants, prints "VARIANT ms images/s" of each
    --rule bp|urfb|frfb                 default urfb, by autograd functions with a second weight
    --batch N                           default as in the job file (ResNet-20: 512)
    --variants LIST                     default: all. WAY-PRECISION with the ways eager, graph (one
                                        CUDA graph of the whole step), compile
                                        (max-autotune-no-cudagraphs), compile+graph, reduce
                                        (reduce-overhead) and the precisions fp32, tf32, bf16
    --seconds N                         to get the variants ready in, default 90; those that are
                                        not begun by then, or not done, are left out
    --steps N --rounds N                steps in a row between two looks at the clock; the median
                                        of the rounds counts; default 50 and 5
    --serve                             times the variants for the first line of the input, and the
                                        best three of them again for each further line
    --device cuda|cpu
  peer_gpu.py NETWORK --check FOLDER    writes images and start tensors there, and prints the loss
                                        of the first steps on all of these images, in float32

The work is PyTorch's at its best: images lie on the device, scaled and in the variant's layout;
the optimizer is fused; images are not flipped, cropped or shuffled, as Hebb's are. Exit code 77:
there is no GPU."""
import argparse
import contextlib
import functools
import json
import os
import signal
import struct
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("peer_gpu.py: this Python has no PyTorch; set PYTHON to one that has")
import torch.nn.functional as F
from torch import nn

BATCHES = {"simple": 500, "A": 500, "B": 500, "simple_untied": 50, "C_untied": 50, "resnet20": 512}
WAYS = ("graph", "compile+graph", "reduce", "compile", "eager")
PRECISIONS = ("tf32", "bf16")
SERVED = 3
CHECKED_IMAGES = 64
CHECKED_STEPS = 3
CHECKED_RATE = 0.02  # ResNet-20 at 0.1 makes of a rounding a thousandth in three steps


# ---- feedback alignment: R carries the error down, W's update is R's as well


def conv_gradients(g, x, w, stride, pad, of_input):
    mask = [of_input, not of_input, False]
    found = torch.ops.aten.convolution_backward(
        g, x, w, None, [stride, stride], [pad, pad], [1, 1], False, [0, 0], 1, mask)
    return found[0 if of_input else 1]


class ConvFeedback(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, r, stride, pad):
        ctx.save_for_backward(x, w, r)
        ctx.stride, ctx.pad = stride, pad
        return F.conv2d(x, w, stride=stride, padding=pad)

    @staticmethod
    def backward(ctx, g):
        x, w, r = ctx.saved_tensors
        below = None
        if ctx.needs_input_grad[0]:
            below = conv_gradients(g, x, r, ctx.stride, ctx.pad, True)
        update = conv_gradients(g, x, w, ctx.stride, ctx.pad, False)
        return below, update, update if ctx.needs_input_grad[2] else None, None, None


class DenseFeedback(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, r):
        ctx.save_for_backward(x, r)
        return x @ w.t()

    @staticmethod
    def backward(ctx, g):
        x, r = ctx.saved_tensors
        below = g @ r if ctx.needs_input_grad[0] else None
        update = g.t() @ x
        return below, update, update if ctx.needs_input_grad[2] else None


class UntiedFeedback(torch.autograd.Function):
    """Places first: x [L, rows, taps], w and r [L, taps, filters]."""

    @staticmethod
    def forward(ctx, x, w, r):
        ctx.save_for_backward(x, r)
        return torch.bmm(x, w)

    @staticmethod
    def backward(ctx, g):
        x, r = ctx.saved_tensors
        below = torch.bmm(g, r.transpose(1, 2)) if ctx.needs_input_grad[0] else None
        update = torch.bmm(x.transpose(1, 2), g)
        return below, update, update if ctx.needs_input_grad[2] else None


# ---- layers


def ramp(x):
    return torch.clamp(0.5 * x, -1, 1)


class Weighted(nn.Module):
    """W, and R where the rule has one. `shape` is the one of Hebb's files."""

    def __init__(self, name, shape, fans, rule, activation):
        super().__init__()
        self.name, self.rule, self.activation, self.hebb_shape = name, rule, activation, shape
        limit = (6.0 / fans) ** 0.5
        draw = functools.partial(nn.init.uniform_, a=-limit, b=limit)
        self.w = nn.Parameter(draw(self.laid_out(torch.empty(shape))))
        if rule != "bp":
            self.r = nn.Parameter(draw(self.laid_out(torch.empty(shape))), rule == "urfb")

    def laid_out(self, values):
        return values

    def for_hebb(self, values):
        return values

    def weights(self, x):
        """In the numbers of the moment, for autocast does not look into autograd functions."""
        cast = torch.bfloat16 if Settings.bf16 else x.dtype
        return x.to(cast), self.w.to(cast), self.r.to(cast)

    def finish(self, y):
        return self.activation(y) if self.activation else y


class Settings:
    bf16 = False
    exact = False  # to the letter, where it costs time: pools with a border of zeros, no dropout


class Conv(Weighted):
    def __init__(self, name, i, o, k, rule, activation=ramp, stride=1):
        super().__init__(name, (o, i, k, k), k * k * (i + o), rule, activation)
        self.k, self.stride = k, stride

    def forward(self, x):
        pad = self.k // 2
        if self.k % 2 == 0:
            x, pad = F.pad(x, (0, self.k - 1, 0, self.k - 1)), 0
        if self.rule == "bp":
            return self.finish(F.conv2d(x, self.w, stride=self.stride, padding=pad))
        return self.finish(ConvFeedback.apply(*self.weights(x), self.stride, pad))


class Untied(Weighted):
    def __init__(self, name, i, o, k, side, rule, activation=ramp):
        super().__init__(name, (side, side, o, i, k, k), k * k * (i + o), rule, activation)
        self.k, self.side, self.o = k, side, o

    def laid_out(self, values):
        places = values.shape[0] * values.shape[1]
        return values.reshape(places, values.shape[2], -1).transpose(1, 2).contiguous()

    def for_hebb(self, values):
        return values.transpose(1, 2).reshape(self.hebb_shape)

    def forward(self, x):
        before, after = (self.k - 1) // 2, self.k // 2
        taps = F.unfold(F.pad(x, (before, after, before, after)), self.k).permute(2, 0, 1)
        if self.rule == "bp":
            y = torch.bmm(taps, self.w)
        else:
            y = UntiedFeedback.apply(*self.weights(taps))
        return self.finish(y.permute(1, 2, 0).reshape(-1, self.o, self.side, self.side))


class Dense(Weighted):
    def __init__(self, name, i, o, rule, activation=ramp, bias=False):
        super().__init__(name, (o, i), i + o, rule, activation)
        self.bias = nn.Parameter(torch.zeros(o)) if bias else None

    def forward(self, x):
        x = x.contiguous().flatten(1)
        y = x @ self.w.t() if self.rule == "bp" else DenseFeedback.apply(*self.weights(x))
        return self.finish(y if self.bias is None else y + self.bias)


class Pool(nn.Module):
    def __init__(self, size, stride):
        super().__init__()
        self.size, self.stride = size, stride

    def forward(self, x):
        if Settings.exact and self.stride < self.size:
            over = self.over(x.shape[2])
            return F.max_pool2d(F.pad(x, (0, over, 0, over)), self.size, self.stride)
        return F.max_pool2d(x, self.size, self.stride, ceil_mode=True)

    def over(self, n):
        """By how much the last window hangs over."""
        windows = -(-n // self.stride)
        return max(0, (windows - 1) * self.stride + self.size - n)


class Dropout(nn.Dropout):
    def forward(self, x):
        return x if Settings.exact else super().forward(x)


class Sum(nn.Module):
    """a(x) + b(a(x))."""

    def __init__(self, a, b):
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x):
        y = self.a(x)
        return y + self.b(y)


class Norm(nn.BatchNorm2d):
    def __init__(self, name, channels):
        super().__init__(channels)
        self.name = name


class Residual(nn.Module):
    def __init__(self, name, i, o, stride, rule):
        super().__init__()
        self.a = Conv(name + "a", i, o, 3, rule, None, stride)
        self.a_norm = Norm(name + "a_norm", o)
        self.b = Conv(name + "b", o, o, 3, rule, None)
        self.b_norm = Norm(name + "b_norm", o)
        self.s = Conv(name + "s", i, o, 1, rule, None, stride) if stride > 1 else None
        self.s_norm = Norm(name + "s_norm", o) if stride > 1 else None

    def forward(self, x):
        y = self.b_norm(self.b(F.relu(self.a_norm(self.a(x)))))
        return F.relu(y + (x if self.s is None else self.s_norm(self.s(x))))


# ---- networks, with the names of examples/


def simple(r):
    return [Conv("conv1", 3, 32, 5, r), Pool(3, 2), Dropout(0.8), Dense("dense1", 8192, 500, r),
            Dropout(0.3), Dense("out", 500, 10, r, None)]


def network_a(r):
    return [Sum(Conv("conv0", 3, 16, 3, r), Conv("conv0a", 16, 16, 3, r)),
            Sum(Conv("conv1", 16, 32, 3, r), Conv("conv1a", 32, 32, 3, r)),
            Pool(3, 2), Dropout(0.5),
            Sum(Conv("conv2", 32, 64, 3, r), Conv("conv2a", 64, 64, 3, r)), Pool(3, 2),
            Sum(Conv("conv3", 64, 128, 2, r), Conv("conv3a", 128, 128, 3, r)), Pool(3, 2),
            Dropout(0.8), Dense("dense1", 2048, 500, r), Dense("out", 500, 10, r, None)]


def network_b(r):
    return [Sum(Conv("conv0", 3, 16, 3, r), Conv("conv0a", 16, 16, 3, r)), Pool(3, 3),
            Dropout(0.5), Sum(Conv("conv2", 16, 64, 3, r), Conv("conv2a", 64, 64, 3, r)),
            Pool(2, 2), Sum(Conv("conv3", 64, 64, 2, r), Conv("conv3a", 64, 64, 2, r)),
            Pool(2, 2), Dropout(0.5), Dense("dense1", 576, 500, r), Dense("out", 500, 10, r, None)]


def simple_untied(r):
    return [Untied("conv1", 3, 32, 5, 32, r), Pool(3, 2), Dense("dense1", 8192, 500, r),
            Dense("out", 500, 10, r, None)]


def network_c_untied(r):
    return [Untied("conv0", 3, 16, 5, 32, r), Pool(3, 3),
            Sum(Untied("conv2", 16, 64, 3, 11, r), Untied("conv2a", 64, 64, 3, 11, r)),
            Pool(2, 2), Sum(Untied("conv3", 64, 64, 2, 6, r), Untied("conv3a", 64, 64, 2, 6, r)),
            Pool(2, 2), Dropout(0.5), Dense("dense1", 576, 500, r), Dense("out", 500, 10, r, None)]


def resnet20(r):
    layers, channels = [Conv("conv0", 3, 16, 3, r, None), Norm("norm0", 16), nn.ReLU()], 16
    for stage, width in enumerate((16, 32, 64), 1):
        for block in range(1, 4):
            stride = 2 if stage > 1 and block == 1 else 1
            layers.append(Residual(f"s{stage}b{block}", channels, width, stride, r))
            channels = width
    return layers + [nn.AdaptiveAvgPool2d(1), Dense("out", 64, 10, r, None, bias=True)]


NETWORKS = {"simple": simple, "A": network_a, "B": network_b, "simple_untied": simple_untied,
            "C_untied": network_c_untied, "resnet20": resnet20}


def hinge(y, labels):
    right = (labels[:, None] == torch.arange(y.shape[1], device=y.device)).to(y.dtype)
    wrong = torch.relu(1 + y) * (1 - right) / (y.shape[1] - 1)
    return (torch.relu(1 - y) * right + wrong).sum() / y.shape[0]


def make_network(name, rule):
    return nn.Sequential(*NETWORKS[name](rule)), F.cross_entropy if name == "resnet20" else hinge


def make_optimizer(name, model, device, rate=0.1):
    learning = [p for p in model.parameters() if p.requires_grad]
    options = {"lr": rate}
    if name == "resnet20":
        options.update(momentum=0.9, weight_decay=1e-4)
    if device == "cuda":
        try:
            return torch.optim.SGD(learning, fused=True, **options)
        except TypeError:  # before PyTorch 2.3
            pass
    return torch.optim.SGD(learning, foreach=device == "cuda", **options)


# ---- timing


class Variant:
    """One way to take the steps, ready to be timed."""

    def __init__(self, label, options):
        self.label, self.options = label, options
        way, precision = label.rsplit("-", 1)
        self.precision = precision
        self.numbers()
        torch.manual_seed(1)
        model, self.loss_of = make_network(options.network, options.rule)
        layout = torch.contiguous_format
        if not options.network.endswith("untied"):
            layout = torch.channels_last
        self.model = model.to(options.device).to(memory_format=layout)
        self.optimizer = make_optimizer(options.network, self.model, options.device)
        images = torch.rand(4 * options.batch, 3, 32, 32, device=options.device)
        self.images = images.to(memory_format=layout)
        self.labels = torch.randint(0, 10, (4 * options.batch,), device=options.device)
        self.x = self.images[:options.batch].clone(memory_format=layout)
        self.t = self.labels[:options.batch].clone()
        self.loss = self.forward
        self.marks_steps = way == "reduce"
        if way.startswith("compile"):
            self.loss = torch.compile(self.forward, mode="max-autotune-no-cudagraphs")
        elif way == "reduce":
            self.loss = torch.compile(self.forward, mode="reduce-overhead")
        self.run = self.step
        self.at = 0
        if way.endswith("graph"):
            self.record()

    def numbers(self):
        Settings.bf16 = self.precision == "bf16"
        if self.options.device == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = self.precision != "fp32"
            torch.backends.cudnn.allow_tf32 = self.precision != "fp32"
            torch.backends.cudnn.benchmark = True

    def forward(self, x, t):
        cast = contextlib.nullcontext()
        if Settings.bf16:
            cast = torch.autocast(self.options.device, torch.bfloat16)
        with cast:
            y = self.model(x)
        return self.loss_of(y.float(), t)

    def step(self):
        if self.marks_steps:
            torch.compiler.cudagraph_mark_step_begin()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.x, self.t)
        loss.backward()
        self.optimizer.step()

    def record(self):
        """The whole step as one CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.step()
        self.run = graph.replay

    def steps(self, count):
        for _ in range(count):
            begin = self.at % 4 * self.options.batch
            self.x.copy_(self.images[begin:begin + self.options.batch])
            self.t.copy_(self.labels[begin:begin + self.options.batch])
            self.at += 1
            self.run()

    def milliseconds(self):
        """Of one step."""
        self.numbers()
        self.steps(3)
        times = []
        for _ in range(self.options.rounds):
            wait(self.options.device)
            begin = time.perf_counter()
            self.steps(self.options.steps)
            wait(self.options.device)
            times.append((time.perf_counter() - begin) / self.options.steps)
        return 1e3 * sorted(times)[len(times) // 2]


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


class TooLong(BaseException):
    pass


def out_of_time(*_):
    raise TooLong


def allow_compilations():
    """All variants compile one function, each for itself."""
    if not hasattr(torch, "compile"):
        return
    from torch import _dynamo
    for limit in ("recompile_limit", "cache_size_limit"):
        if hasattr(_dynamo.config, limit):
            setattr(_dynamo.config, limit, 64)


def prepared(options):
    """The variants that work and were ready in time; whatever does not work is told."""
    deadline = time.monotonic() + options.seconds
    variants = []
    allow_compilations()
    signal.signal(signal.SIGALRM, out_of_time)
    for label in options.variants:
        left = deadline - time.monotonic()
        if left < 1:
            print(f"{label} is left out: no time left", file=sys.stderr)
            continue
        signal.setitimer(signal.ITIMER_REAL, left)
        try:
            variant = Variant(label, options)
            variant.steps(5)
            wait(options.device)
            signal.setitimer(signal.ITIMER_REAL, 0)
            variants.append(variant)
        except TooLong:
            print(f"{label} is left out: not ready in time", file=sys.stderr)
        except Exception as error:  # of the compiler, of the capture: others count
            signal.setitimer(signal.ITIMER_REAL, 0)
            text = " ".join(str(error).split())[:300]
            print(f"{label} is left out: {type(error).__name__}: {text}", file=sys.stderr)
    return variants


def time_once(variants, options):
    times = {}
    for variant in variants:
        try:
            ms = variant.milliseconds()
        except Exception as error:
            text = " ".join(str(error).split())[:300]
            print(f"{variant.label} fails: {type(error).__name__}: {text}", file=sys.stderr)
            continue
        times[variant] = ms
        print(f"{variant.label} {ms:.4f} {1e3 * options.batch / ms:.0f}")
    print("done", flush=True)
    return sorted(times, key=times.get)


# ---- the check


def hebb_tensors(model):
    for layer in model.modules():
        if isinstance(layer, Norm):
            yield f"{layer.name}.scale", layer.weight
            yield f"{layer.name}.shift", layer.bias
            yield f"{layer.name}.running_mean", layer.running_mean
            yield f"{layer.name}.running_var", layer.running_var
        elif isinstance(layer, Weighted):
            yield f"{layer.name}.weight", layer.for_hebb(layer.w)
            if layer.rule != "bp":
                yield f"{layer.name}.feedback", layer.for_hebb(layer.r)
            if getattr(layer, "bias", None) is not None:
                yield f"{layer.name}.bias", layer.bias


def write_safetensors(path, tensors):
    head, blob = {}, bytearray()
    for name, tensor in tensors:
        values = tensor.detach().cpu().float().contiguous().flatten().tolist()
        begin = len(blob)
        blob += struct.pack(f"<{len(values)}f", *values)
        head[name] = {"dtype": "F32", "shape": list(tensor.shape),
                      "data_offsets": [begin, len(blob)]}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + blob)


def check(options):
    """Images as CIFAR-10's files have them, the start tensors, and the losses from there."""
    Settings.exact = True
    torch.manual_seed(7)
    if options.device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    model, loss_of = make_network(options.network, options.rule)
    pixels = torch.randint(0, 256, (CHECKED_IMAGES, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(0, 10, (CHECKED_IMAGES,))
    records = [bytes([label]) + bytes(image.flatten().tolist())
               for label, image in zip(labels.tolist(), pixels)]
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        # All images in the first files, as many in each; the rest is the test's.
        part = {f"data_batch_{i + 1}.bin": records[i::5] for i in range(5)}.get(name, records[:1])
        with open(os.path.join(options.check, name), "wb") as file:
            file.write(b"".join(part))
    write_safetensors(os.path.join(options.check, "start.safetensors"), hebb_tensors(model))
    model = model.to(options.device)
    optimizer = make_optimizer(options.network, model, options.device, CHECKED_RATE)
    x, t = (pixels.float() / 255).to(options.device), labels.to(options.device)
    for step in range(1, CHECKED_STEPS + 1):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(x), t)
        loss.backward()
        optimizer.step()
        print(f"{step} {loss.item():.7g}")


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=sorted(NETWORKS))
    parser.add_argument("--rule", choices=("bp", "urfb", "frfb"), default="urfb")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--variants")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--check", metavar="FOLDER")
    options = parser.parse_args()
    options.batch = options.batch or BATCHES[options.network]
    every = [f"{way}-{precision}" for way in WAYS for precision in ("fp32",) + PRECISIONS]
    options.variants = options.variants.split(",") if options.variants else [
        f"{way}-{precision}" for way in WAYS for precision in PRECISIONS]
    for label in options.variants:
        if label not in every:
            parser.error(f"there is no variant {label}; known: {' '.join(every)}")
    if min(options.batch, options.steps, options.rounds) < 1:
        parser.error("--batch, --steps and --rounds begin at 1")
    return options


def main():
    options = read_options()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("skipped: PyTorch sees no GPU")
        return 77
    if options.check:
        check(options)
        return 0
    variants = prepared(options)
    if not variants:
        print("peer_gpu.py: no variant works", file=sys.stderr)
        return 1
    if not options.serve:
        time_once(variants, options)
        return 0
    print("ready", flush=True)
    for _ in sys.stdin:
        variants = time_once(variants, options)[:SERVED]
    return 0


if __name__ == "__main__":
    sys.exit(main())
