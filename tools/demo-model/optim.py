"""Muon for the matrices of the layers, AdamW for all else."""

import torch


def orthogonal(g, rounds=5):
    """The nearest orthogonal matrices, roughly, by Newton-Schulz iteration; g is a stack of matrices."""
    x = g.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(rounds):
        a = x @ x.mT
        b = -4.775 * a + 2.0315 * (a @ a)
        x = 3.4445 * x + b @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal; matrices of one shape go together."""

    def __init__(self, params, lr=0.02, momentum=0.95, decay=0.01):
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self):
        """One step."""
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, ps in shapes.items():
                dirs = []
                for p in ps:
                    state = self.state[p]
                    if "m" not in state:
                        state["m"] = torch.zeros_like(p)
                    state["m"].lerp_(p.grad, 1 - group["momentum"])
                    dirs.append(p.grad.lerp(state["m"], group["momentum"]))
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for p, d in zip(ps, orthogonal(torch.stack(dirs)), strict=True):
                    p.mul_(1 - group["lr"] * group["decay"]).add_(d, alpha=-group["lr"] * scale)


def build(model, muon_lr, adam_lr):
    """The two optimizers of a model."""
    layers = [p for p in model.layers.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if not any(p is q for q in layers)]
    return [Muon(layers, lr=muon_lr), torch.optim.AdamW(rest, lr=adam_lr, betas=(0.9, 0.98), weight_decay=0.0)]
