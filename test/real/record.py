"""Records what transformers computes with two real models, into data/: samples of their states, logits, gradients and texts.

    scripts/fetch-models.sh
    python -m venv venv && venv/bin/pip install -r test/models/requirements.txt gguf
    venv/bin/python test/real/record.py .models [smollm2] [minilm]

Samples are at places that a seed chooses, so that the files stay small; tests read the same places.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).parent
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a small village by the sea,",
    "def fibonacci(n):\n",
    "Water boils at a temperature of",
    "¿Cómo se dice \"good morning\" en español?",
    "1, 2, 3, 4, 5, 6,",
    "<|im_start|>user\nWhat is gravity?<|im_end|>\n<|im_start|>assistant\n",
    "The three primary colours are red,",
]
SENTENCES = [
    ["A man is eating food.", "Someone is having a meal."],
    ["The girl is carrying a baby.", "A child plays the violin in a large concert hall on Sunday afternoon."],
    ["Paris is the capital of France.", "Berlin is in Germany."],
]


def sample(generator, x, count):
    """Values at random places, which are numbers in the flattened array."""
    flat = x.detach().numpy().ravel()
    places = generator.choice(flat.size, size=min(count, flat.size), replace=False)
    return dict(shape=list(x.shape), places=places.tolist(), values=[float(v) for v in flat[places]])


def smollm2(path):
    generator = np.random.default_rng(0)
    folder, name = str(path.parent), path.name
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
    model.generation_config.eos_token_id = None
    cases = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.no_grad():
            out = model(ids, output_hidden_states=True)
            text = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=32, pad_token_id=2)
            # How far the greedy token is ahead of the next one: where it is near, rounding decides.
            top = model(text).logits[0, ids.shape[1] - 1 : -1].topk(2).values
        cases.append(dict(prompt=prompt, ids=ids[0].tolist(), hidden=[sample(generator, h, 40) for h in out.hidden_states[::6] + out.hidden_states[-1:]],
                          logits=sample(generator, out.logits, 400), tokens=text[0, ids.shape[1]:].tolist(), lead=float((top[:, 0] - top[:, 1]).min())))
    return dict(config={key: getattr(model.config, key) for key in ["vocab_size", "hidden_size", "num_hidden_layers", "rms_norm_eps", "tie_word_embeddings"]}, cases=cases)


def minilm(folder):
    generator = np.random.default_rng(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    texts = [text for pair in SENTENCES for text in pair]
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    mask = inputs["attention_mask"][..., None].float()
    out = model(**inputs, output_hidden_states=True)
    pooled = (out.last_hidden_state * mask).sum(1) / mask.sum(1)
    sentence = torch.nn.functional.normalize(pooled)
    # Pairs: the cosine of the first and the last is to be 1, and that of the middle one 0.
    cosines = (sentence[0::2] * sentence[1::2]).sum(-1)
    loss = ((cosines - torch.tensor([1.0, 0.0, 1.0])) ** 2).mean()
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    largest = max(float(g.abs().max()) for g in gradients.values())
    return dict(inputs={key: value.tolist() for key, value in inputs.items()}, hidden=[sample(generator, h * mask, 200) for h in out.hidden_states],
                sentence=sample(generator, sentence, 600), loss=float(loss), largest=largest,
                gradients={name: sample(generator, g, 12) for name, g in gradients.items()})


def main(models, wanted):
    # One order of sums, whatever the machine.
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    (HERE / "data").mkdir(exist_ok=True)
    makers = dict(smollm2=lambda: smollm2(next(models.rglob("SmolLM2*.gguf"))), minilm=lambda: minilm(next(models.rglob("model.safetensors")).parent))
    for name, make in makers.items():
        if wanted and name not in wanted:
            continue
        (HERE / "data" / f"{name}.json").write_text(json.dumps(make()) + "\n")
        print(name)


main(pathlib.Path(sys.argv[1]), sys.argv[2:])
