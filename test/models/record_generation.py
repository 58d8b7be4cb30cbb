"""Records what transformers generates with the tiny models of data/, into generation.json. See record.py for the environment.

Greedy continuations with left padding, what filters leave of scores, and beams with their scores.
"""

import json
import pathlib

import torch
import transformers
from transformers.generation import logits_process as lp

HERE = pathlib.Path(__file__).parent
PROMPTS = [[5, 17, 9, 40, 23], [33, 8], [11, 60, 4]]


def is_reader(family):
    return family.startswith("t5")


def load(family):
    kind = transformers.AutoModelForSeq2SeqLM if is_reader(family) else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(HERE / "data" / family, attn_implementation="eager").eval()
    model.generation_config.eos_token_id = None
    return model


def padded(prompts, family):
    """Prompts with padding on the left, or where they are only read on the right; and how many tokens come before what is written."""
    length = max(map(len, prompts))
    if is_reader(family):
        ids = torch.tensor([p + [0] * (length - len(p)) for p in prompts])
        return dict(input_ids=ids, attention_mask=(ids != 0).long()), 1
    ids = torch.tensor([[0] * (length - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (length - len(p)) + [1] * len(p) for p in prompts])
    return dict(input_ids=ids, attention_mask=mask), length


def cut(tokens, eos):
    """Tokens up to the first that ends the text."""
    ends = [i for i, token in enumerate(tokens) if token in eos]
    return tokens[: ends[0] + 1] if ends else tokens


def greedy(family, **options):
    inputs, length = padded(PROMPTS, family)
    model = load(family)
    out = model.generate(**inputs, do_sample=False, max_new_tokens=14, pad_token_id=0, **options)
    eos = options.get("eos_token_id", [])
    return dict(family=family, options=options, prompts=PROMPTS, tokens=[cut(row, eos) for row in out[:, length:].tolist()])


def beams(family, num_beams, eos, **options):
    inputs, length = padded(PROMPTS, family)
    out = load(family).generate(**inputs, do_sample=False, num_beams=num_beams, num_return_sequences=num_beams, max_new_tokens=9,
                                eos_token_id=eos, pad_token_id=0, output_scores=True, return_dict_in_generate=True, **options)
    rows = [cut(row, eos) for row in out.sequences[:, length:].tolist()]
    # What is shorter than the longest is filled up with padding, after its end.
    scores = out.sequences_scores.tolist()
    groups = [[dict(tokens=t, score=s) for t, s in zip(rows[i:i + num_beams], scores[i:i + num_beams])]
              for i in range(0, len(rows), num_beams)]
    return dict(family=family, numBeams=num_beams, eos=eos, options=options, prompts=PROMPTS, beams=groups)


def filters():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4, 40, generator=generator) * 3
    # Equal scores, at the border of some of the filters too.
    logits[3] = torch.round(logits[3])
    tokens = torch.randint(0, 40, (4, 6), generator=generator)
    cases = []
    for name, values, make in [("topK", [1, 2, 7, 39, 40, 99], lp.TopKLogitsWarper), ("topP", [0.05, 0.3, 0.9, 0.999, 1.0], lp.TopPLogitsWarper),
                               ("minP", [0.0, 0.02, 0.3, 1.0], lp.MinPLogitsWarper)]:
        for value in values:
            out = make(value)(tokens, logits.clone())
            kept = [torch.nonzero(row > -torch.inf).flatten().tolist() for row in out]
            cases.append(dict(name=name, value=value, kept=kept))
    penalties = [dict(value=v, logits=lp.RepetitionPenaltyLogitsProcessor(v)(tokens, logits.clone()).tolist()) for v in [0.5, 1.3]]
    return dict(logits=logits.tolist(), tokens=tokens.tolist(), cases=cases, penalties=penalties)


def main():
    transformers.logging.set_verbosity_error()
    result = dict(
        greedy=[greedy(f) for f in ["llama", "llama-yarn", "mistral", "qwen2", "qwen3", "gpt2", "gemma", "gemma2", "gemma3", "t5-lm"]]
        + [greedy("llama", repetition_penalty=1.7), greedy("t5-lm", repetition_penalty=1.3), greedy("gpt2", eos_token_id=EOS["gpt2"])],
        filters=filters(),
        beams=[beams(f, n, EOS[f], **options) for f, n, options in [
            ("llama", 3, {}),
            ("llama", 4, dict(length_penalty=0.0)),
            ("llama", 3, dict(length_penalty=-1.5)),
            ("llama", 3, dict(length_penalty=2.0, early_stopping=True)),
            ("gpt2", 3, {}),
            ("gpt2", 2, dict(early_stopping=True)),
            ("gpt2", 4, dict(length_penalty=1.5, early_stopping="never")),
            ("gpt2", 3, dict(repetition_penalty=1.5)),
            ("gemma2", 5, {}),
            ("t5-lm", 3, {}),
            ("t5-lm", 4, dict(length_penalty=1.5, early_stopping=True)),
        ]],
    )
    (HERE / "generation.json").write_text(json.dumps(result) + "\n")


EOS = dict(llama=[31], gpt2=[30, 51], gemma2=[52], **{"t5-lm": [1]})
if __name__ == "__main__":
    main()
