"""The byte-level BPE vocabulary, trained on generated text."""

import random
import sys
from pathlib import Path

import chat
import tasks
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GENERAL = """
This is a plain text with the most common words of the language, so that other sentences do not fall apart into single
letters. The people who live here have been working for many years, and they would like to know more about the world.
When the weather is good, we often go out to see our friends; after that we come back home and make something to eat.
She said that it was not possible to do everything at once, but he thought there might be another way. First we should
find out what is wrong, then we can change it. Because of the long winter, the old house needs a new roof. Could you
please send me the letter before the end of the week? I do not think so. Let us start with the first question. Every
child knows that water runs down the hill. They were looking for a small village between the river and the mountains.
Nothing is as easy as it looks. Some things take longer than you think, and others are over before they have begun.
这是一段普通的文字，收入最常用的字和词，使其他句子不至于都拆成单个字节。我们在这里生活和工作了很多年，大家都想知道更多关于世界的事情。
天气好的时候，我们常常出去看朋友，然后回家做饭吃。她说不可能一下子把所有的事都做完，可是他觉得也许还有别的办法。首先应该弄清楚哪里出了问题，
再去改变它。因为冬天很长，老房子需要换一个新的屋顶。请你在周末以前把信寄给我，可以吗？我不这样认为。让我们从第一个问题开始。每个孩子都知道水往低处流。
他们正在寻找河流与山之间的一个小村庄。没有什么事情像看起来那么容易，有些事比想象的时间更长，另一些还没有开始就已经结束了。
"""


def corpus(seed, per_task):
    """Texts to train the vocabulary on: each task and language the same share."""
    rng = random.Random(seed)
    yield from GENERAL.splitlines() * 20
    for task in tasks.TASKS:
        for lang in tasks.LANGS:
            for _ in range(per_task):
                s = tasks.draw(rng, task, lang)
                yield s.prompt
                if task != "scope" or rng.random() < 0.1:
                    yield s.think
                    yield s.answer


def train(vocab, seed=1, per_task=3000):
    """A tokenizer of `vocab` entries, special tokens last."""
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tok.decoder = decoders.ByteLevel()
    names = chat.CONTROL + chat.PLAIN
    trainer = trainers.BpeTrainer(
        vocab_size=vocab - len(names),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=13,
        show_progress=False,
    )
    tok.train_from_iterator(corpus(seed, per_task), trainer)
    tok.add_special_tokens([AddedToken(n, normalized=False, special=True) for n in chat.CONTROL])
    tok.add_tokens([AddedToken(n, normalized=False, special=False) for n in chat.PLAIN])
    if tok.get_vocab_size() != vocab:
        raise SystemExit(f"vocabulary has {tok.get_vocab_size()} entries, not {vocab}")
    return tok


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.parent.mkdir(parents=True, exist_ok=True)
    train(int(sys.argv[2])).save(str(out))
