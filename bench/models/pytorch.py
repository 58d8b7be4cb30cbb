"""The tasks of tasks.ts in PyTorch and transformers: `pytorch.py TASK ROUNDS ROOT`. Prints one line of JSON."""

import json
import pathlib
import resource
import sys
import time

import torch
import transformers

transformers.logging.set_verbosity_error()
torch.set_num_threads(2)
BATCH, LENGTH, TOKENS = 16, 128, 32
task, rounds, root = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
minilm = next(root.glob("**/model/model.safetensors")).parent
smollm = next(root.glob("**/SmolLM2-135M-Instruct.Q4_1.gguf"))


def encoder():
    return transformers.AutoModelForSequenceClassification.from_pretrained(minilm, num_labels=2, dtype=torch.float32)


def encoder_inputs():
    ids = torch.randint(1000, 30000, (BATCH, LENGTH), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def forward():
    model, inputs = encoder().eval(), encoder_inputs()

    def run():
        with torch.inference_mode():
            return model(**inputs).logits

    return run, 1


def step():
    model, inputs = encoder().train(), encoder_inputs()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    labels = torch.arange(BATCH) % 2

    return trained(model, optimizer, {**inputs, "labels": labels})


def lora(model, modules, head):
    import peft

    saved = {"modules_to_save": [head]} if head else {}
    model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=8, target_modules=modules, **saved))
    return model, torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)


def trained(model, optimizer, inputs):
    def run():
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return run, 1


def encoder_lora():
    model = encoder()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model, optimizer = lora(model.train(), ["query", "value"], "classifier")
    return trained(model, optimizer, {**encoder_inputs(), "labels": torch.arange(BATCH) % 2})


def decoder_lora():
    model, optimizer = lora(decoder().train(), ["q_proj", "v_proj"], None)
    ids = torch.randint(1000, 30000, (1, 256), generator=torch.Generator().manual_seed(0))
    return trained(model, optimizer, {"input_ids": ids, "labels": ids})


def decoder():
    model = transformers.AutoModelForCausalLM.from_pretrained(smollm.parent, gguf_file=smollm.name, dtype=torch.float32)
    return model.eval()


def prefill():
    model = decoder()
    ids = torch.randint(1000, 40000, (1, 256), generator=torch.Generator().manual_seed(0))

    def run():
        with torch.inference_mode():
            return model(input_ids=ids, logits_to_keep=1).logits

    return run, 1


def decode():
    model = decoder()

    def run():
        with torch.inference_mode():
            ids, past = torch.tensor([[1]]), None
            for _ in range(TOKENS):
                out = model(input_ids=ids, past_key_values=past, use_cache=True)
                ids, past = out.logits[:, -1:].argmax(-1), out.past_key_values

    return run, TOKENS


tasks = {
    "encoder.forward": forward,
    "encoder.step": step,
    "encoder.lora": encoder_lora,
    "decoder.prefill": prefill,
    "decoder.decode": decode,
    "decoder.lora": decoder_lora,
}
run, parts = tasks[task]()


def timed():
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1000


first = timed()
times = sorted(timed() for _ in range(rounds))
median = times[rounds // 2]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"milliseconds": median / parts, "firstMilliseconds": first - median, "peakBytes": peak}))
