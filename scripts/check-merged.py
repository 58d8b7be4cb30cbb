"""Whether transformers computes with the merged model what Pullback computed with it before it was saved.

    npm run finetune
    python scripts/check-merged.py examples/output/mail-model examples/output/mail-scores.json

The first is the folder of the model, the second what examples/finetune-mail.ts computed: texts, with the logit of spam less that of ham.
Needs torch and transformers. Ends with exit code 1 where a score differs by more than 1e-4.
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, scores = sys.argv[1:]
model, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
left = {kind: sorted(names) for kind, names in loading.items() if names}
tokenizer = AutoTokenizer.from_pretrained(folder)
spam = model.config.label2id["spam"]
with open(scores, encoding="utf-8") as file:
    given = json.load(file)

most = 0.0
spams = 0
for row in given["rows"]:
    inputs = tokenizer(row["text"], truncation=True, max_length=given["maxLength"], return_tensors="pt")
    with torch.no_grad():
        logits = model.eval()(**inputs).logits[0]
    score = (logits[spam] - logits[1 - spam]).item()
    most = max(most, abs(score - row["score"]))
    spams += score > 0

print(f"keys missing or left over: {left or 'none'}")
print(f"{len(given['rows'])} mails, {spams} of them spam by transformers; scores differ by {most:.1e} at most")
sys.exit(most > 1e-4 or bool(left))
