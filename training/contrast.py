"""The second half of the encoder: texts that mean the same are drawn together, all others in a batch apart."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.pairs import Pair

LONGEST_PIECES = 128
#: A text of fewer pieces is never shortened.
FEWEST_PIECES = 3


@dataclass(frozen=True, slots=True)
class ContrastRecipe:
    """How the table is trained: symmetric InfoNCE over batches with one hard negative where a pair has one."""

    epochs: int = 8
    batch: int = 512
    rate: float = 6e-3
    temperature: float = 0.05
    warm_up: int = 20
    #: Of the pieces of a text so many are left out each time: what is meant must not hang on one word.
    left_out: float = 0.15
    seed: int = 1


class _Bags:
    """The pieces of each distinct text, and the mean vectors of batches of them, some pieces left out."""

    def __init__(self, tokenizer: Tokenizer, pairs: Sequence[Pair], recipe: ContrastRecipe) -> None:
        self._left_out, self._dice = recipe.left_out, np.random.default_rng(recipe.seed)
        texts = sorted({text for pair in pairs for text in (pair.first, pair.second, pair.other) if text})
        self._numbers = {text: number for number, text in enumerate(texts)}
        self._ids = [np.array(one.ids[:LONGEST_PIECES] or [0], np.int64) for one in tokenizer.encode_batch_fast(texts)]

    def numbers(self, texts: Sequence[str]) -> list[int]:
        return [self._numbers[text] for text in texts]

    def vectors(self, table: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
        ids = [self._some(self._ids[number]) for number in numbers]
        starts = np.concatenate([[0], np.cumsum([len(one) for one in ids])[:-1]]).astype(np.int64)
        flat = torch.from_numpy(np.concatenate(ids))
        return F.normalize(F.embedding_bag(flat, table, torch.from_numpy(starts), mode="mean"), dim=1)

    def _some(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        kept = ids[self._dice.random(len(ids)) >= self._left_out] if len(ids) >= FEWEST_PIECES else ids
        return kept if len(kept) else ids


def contrast(
    tokenizer: Tokenizer, table: NDArray[np.float32], pairs: Sequence[Pair], recipe: ContrastRecipe
) -> NDArray[np.float32]:
    """The table after training. One thread, fixed seeds: the same input gives the same table."""
    torch.manual_seed(recipe.seed)
    dice = random.Random(recipe.seed)
    bags, trained = _Bags(tokenizer, pairs, recipe), torch.nn.Parameter(torch.from_numpy(table.copy()))
    optimiser = torch.optim.Adam([trained], lr=recipe.rate)
    order = [pair for pair in pairs if pair.first and pair.second]
    steps = len(order) // recipe.batch * recipe.epochs
    step = 0
    for _ in range(recipe.epochs):
        dice.shuffle(order)
        for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
            rate = recipe.rate * min(1.0, (step + 1) / recipe.warm_up) * max(0.05, 1 - step / steps)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad()
            loss = _loss(bags, trained, order[start : start + recipe.batch], recipe.temperature)
            loss.backward()
            optimiser.step()
            step += 1
    result: NDArray[np.float32] = trained.detach().numpy()
    return result


def _loss(bags: _Bags, table: torch.Tensor, batch: Sequence[Pair], temperature: float) -> torch.Tensor:
    seconds = bags.numbers([pair.second for pair in batch])
    first = bags.vectors(table, bags.numbers([pair.first for pair in batch]))
    second = bags.vectors(table, seconds)
    others = bags.numbers([pair.other for pair in batch if pair.other])
    wrong = torch.cat([second, bags.vectors(table, others)]) if others else second
    # The same text twice in a batch is no negative of itself, nor is another of the same need.
    needs: dict[str, int] = {}
    places = torch.tensor(seconds)
    kin = torch.tensor([needs.setdefault(p.need, len(needs)) if p.need else -1 - at for at, p in enumerate(batch)])
    same = (places[:, None] == places[None, :]) | (kin[:, None] == kin[None, :])
    same &= ~torch.eye(len(batch), dtype=torch.bool)
    forward = first @ wrong.T / temperature
    forward = torch.cat([forward[:, : len(batch)].masked_fill(same, -1e4), forward[:, len(batch) :]], dim=1)
    backward = (second @ first.T / temperature).masked_fill(same, -1e4)
    right = torch.arange(len(batch))
    return (F.cross_entropy(forward, right) + F.cross_entropy(backward, right)) / 2
