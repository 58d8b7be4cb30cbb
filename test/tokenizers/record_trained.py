"""Records what `BpeTrainer` of Hugging Face's `tokenizers` makes of the corpus, into data/trained.json.gz.

    python -m venv venv && venv/bin/pip install -r test/tokenizers/requirements.txt
    venv/bin/python test/tokenizers/record_trained.py

Each case has the options of `trainBpe`, which of the texts were taken, and the tokenizer.json. Where an alphabet is limited, the limit is
put where frequencies differ: which of equally rare characters goes is left to chance in Rust.
"""

import collections
import gzip
import json
import pathlib

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from corpus import corpus

DATA = pathlib.Path(__file__).parent / "data"
TEXTS = corpus()
BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
EXACT = ["aaaa aaaaa aaaaaaa aa a", "abababab babab ababa", "", " ", "\n\n  \n", "toString __proto__ constructor __proto__ __proto__ 10 10 7"] * 3


def trained(texts, vocabSize, minFrequency=0, specialTokens=(), initialAlphabet=BYTES, limitAlphabet=None, addPrefixSpace=False):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=addPrefixSpace)
    tokenizer.decoder = decoders.ByteLevel()
    limit = {} if limitAlphabet is None else {"limit_alphabet": limitAlphabet}
    trainer = trainers.BpeTrainer(
        vocab_size=vocabSize, min_frequency=minFrequency, special_tokens=list(specialTokens), show_progress=False,
        initial_alphabet=list(initialAlphabet), **limit,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())


def limits(texts, wanted):
    """The first limit from `wanted` on that no two equally frequent characters straddle."""
    words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    counts = collections.Counter(c for t in texts for word, _ in words.pre_tokenize_str(t) for c in word)
    frequent = sorted(counts.values(), reverse=True)
    return next(i for i in range(wanted, len(frequent)) if frequent[i - 1] > frequent[i])


SAMPLE = {"whole": TEXTS, "exact": EXACT, "chinese": [t for t in TEXTS if any("\u4e00" <= c <= "\u9fff" for c in t)]}
CASES = [
    ("whole", dict(vocabSize=2000, specialTokens=["<|endoftext|>"])),
    ("whole", dict(vocabSize=100_000, minFrequency=4)),
    ("whole", dict(vocabSize=500, initialAlphabet=[], addPrefixSpace=True)),
    ("whole", dict(vocabSize=900, initialAlphabet=[], limitAlphabet=limits(TEXTS, 60), specialTokens=["<s>", "a", "</s>", "th"])),
    ("chinese", dict(vocabSize=1500, minFrequency=2, specialTokens=["<|endoftext|>", "<|pad|>"])),
    ("chinese", dict(vocabSize=700, initialAlphabet=["!", "é", "Ġ"], minFrequency=3)),
    ("exact", dict(vocabSize=100_000)),
    ("exact", dict(vocabSize=40, initialAlphabet=[], specialTokens=["<|endoftext|>"])),
]
cases = [{"texts": name, "options": options, "json": trained(SAMPLE[name], **options)} for name, options in CASES]
value = {"samples": {"exact": EXACT}, "cases": cases}
text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
(DATA / "trained.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
