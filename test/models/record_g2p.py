"""Records the network of g2p-en: a tiny random one by PyTorch's gru_cell, and words by the package's own NumPy code.

    venv/bin/python test/models/record_g2p.py                  data/g2p, tiny and random
    venv/bin/python test/models/record_g2p.py G2P_EN WORDS     ../real/data/g2p.json, of the package's folder and weights

WORDS is a file of words, one a line. Of the package only the neural part runs; nltk, which finds words in sentences, is stubbed.
"""

import importlib
import json
import pathlib
import sys
import types
from unittest import mock

import torch
from safetensors.torch import save_file

import record

REAL = pathlib.Path(__file__).parent.parent / "real" / "data"
EMBEDDING, HIDDEN, LETTERS, PHONEMES = 5, 6, 29, 74


class Output(types.SimpleNamespace):
    hidden_states = None

    def __contains__(self, name):
        return hasattr(self, name)


class G2p(torch.nn.Module):
    def __init__(self):
        super().__init__()
        gates = 3 * HIDDEN
        shapes = {"fc_w": (PHONEMES, HIDDEN), "fc_b": (PHONEMES,)}
        for side, count in [("enc", LETTERS), ("dec", PHONEMES)]:
            shapes |= {f"{side}_emb": (count, EMBEDDING), f"{side}_w_ih": (gates, EMBEDDING), f"{side}_w_hh": (gates, HIDDEN),
                       f"{side}_b_ih": (gates,), f"{side}_b_hh": (gates,)}
        for name, shape in shapes.items():
            self.register_parameter(name, torch.nn.Parameter(torch.zeros(shape)))

    def cell(self, side, x, h):
        weights = [getattr(self, f"{side}_{part}") for part in ["w_ih", "w_hh", "b_ih", "b_hh"]]
        return torch.gru_cell(x, h, *weights)

    def forward(self, input_ids, attention_mask, decoder_input_ids, labels, output_hidden_states=False):
        h = torch.zeros(input_ids.shape[0], HIDDEN)
        for ids, seen in zip(input_ids.T, attention_mask.T):
            h = torch.where(seen[:, None] != 0, self.cell("enc", self.enc_emb[ids], h), h)
        encoder_state, states = h, []
        for ids in decoder_input_ids.T:
            h = self.cell("dec", self.dec_emb[ids], h)
            states.append(h)
        states = torch.stack(states, 1)
        logits = states @ self.fc_w.T + self.fc_b
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return Output(logits=logits, last_hidden_state=states, encoder_state=encoder_state, loss=loss)

    def save_pretrained(self, folder):
        config = {"model_type": "g2p", "architectures": ["G2pForConditionalGeneration"], "embedding_size": EMBEDDING, "hidden_size": HIDDEN}
        (folder / "config.json").write_text(json.dumps(config))
        save_file(self.state_dict(), folder / "model.safetensors")


def tiny():
    generator = torch.Generator().manual_seed(0)
    model = G2p().eval()
    record.randomise(model, generator)
    cases = {}
    for padding in ["none", "right"]:
        mask = record.masks(padding, 3, 6)
        ids = torch.randint(3, LETTERS, mask.shape, generator=generator) * mask
        said = torch.randint(4, PHONEMES, (3, 5), generator=generator)
        labels = said.roll(-1, 1)
        labels[:, -1] = 3
        labels[1, 3:] = -100
        cases[padding] = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": said, "labels": labels}
    record.record("g2p", model, cases)


def real(package, words):
    folder = pathlib.Path(package)
    sys.path.insert(0, str(folder.parent))
    stubs = {name: mock.MagicMock() for name in ["nltk", "nltk.corpus", "nltk.tokenize", "inflect"]}
    with mock.patch.dict(sys.modules, stubs):
        model = importlib.import_module(f"{folder.name}.g2p").G2p()
    words = pathlib.Path(words).read_text().split()
    REAL.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(word)}: {json.dumps(' '.join(model.predict(word)))}" for word in words]
    (REAL / "g2p.json").write_text("{\n" + ",\n".join(f"  {line}" for line in lines) + "\n}\n")


real(*sys.argv[1:]) if sys.argv[1:] else tiny()
