"""LeNet, batch 64, by PyTorch: times training steps or forward passes. compare.py runs this."""

import peer

arguments = peer.options(["eager", "channels-last", "compiled"])

import torch  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(arguments.threads)
torch.set_num_interop_threads(1)
torch.manual_seed(1)

images, labels = peer.digits()
images = torch.from_numpy(images.copy()).float().mul_(1 / 256).unsqueeze(1)
labels = torch.from_numpy(labels.copy()).long()
batches = len(images) // peer.BATCH
images = images[: batches * peer.BATCH].reshape(batches, peer.BATCH, 1, 28, 28)
labels = labels[: batches * peer.BATCH].reshape(batches, peer.BATCH)

model = nn.Sequential(
    nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(800, 500), nn.ReLU(inplace=True), nn.Linear(500, 10))
batch_list = [images[index] for index in range(batches)]
if arguments.variant == "channels-last":
    model = model.to(memory_format=torch.channels_last)
    batch_list = [batch.contiguous(memory_format=torch.channels_last) for batch in batch_list]
optimizer = torch.optim.SGD(
    model.parameters(), lr=peer.RATE, momentum=peer.MOMENTUM, weight_decay=peer.DECAY, fused=True)
criterion = nn.CrossEntropyLoss()


def loss_of(x, y):
    return criterion(model(x), y)


compute_loss, compute_scores = loss_of, model
if arguments.variant == "compiled":
    compute_loss, compute_scores = torch.compile(loss_of), torch.compile(model)
last = None


def train(number):
    global last
    index = number % batches
    optimizer.zero_grad(set_to_none=True)
    last = compute_loss(batch_list[index], labels[index])
    last.backward()
    optimizer.step()


def forward(number):
    global last
    with torch.inference_mode():
        last = compute_scores(batch_list[number % batches])


if arguments.work == "forward":
    model.eval()
milliseconds = peer.measure(arguments, forward if arguments.work == "forward" else train)
peer.report(arguments, torch.__version__, milliseconds, last.float().mean().item())
