"""The strings that tokenizers are compared on: written ones for what is known to go wrong, and drawn ones."""

import random

ENGLISH = """The quick brown fox jumps over the lazy dog.
I can't believe it's not butter! They've gone, we're late, she'll wait, I'd go, don't.
Dr. Smith's 3.5% interest-rate rose by $1,234.56 (approx. €1.100) on 2024-02-29 at 07:45:09.
Pullback brings composable function transformations to TypeScript: grad, vjp, jvp, vmap and jit.
HELLO World, hElLo wOrLd; MiXeD CaSe ABCdefGHI camelCaseWords snake_case_words kebab-case-words
"Quoted," he said - 'single' and “curly” and ‘smart’ – en dash — em dash … ellipsis
antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis
Is this real? Yes. No! Maybe... What?! OK, fine: a/b\\c|d~e`f^g@h#i%j&k*l
do not do n't 's 'm ' re've n't .",
We the People of the United States, in Order to form a more perfect Union, establish Justice
co-operate naïve façade résumé coöperation Ångström jalapeño Zürich São Paulo Łódź İstanbul ſtraße
1st 2nd 3rd 4th 100th 1,000,000 0x1F 1e-10 3.14159 -42 +7 ½ ¼ ¾ ² ³ ₃ Ⅷ ⅳ ① ⑳ ㊿ ৪ ४ ٣ 三
[CLS] this is [SEP] inside [MASK] a text [PAD] with [UNK] special tokens
<s> begin </s> <unk> end <pad> <mask> <|endoftext|> <|im_start|>user<|im_end|>
A.I. U.S.A. e.g. i.e. etc. vs. a.m. p.m. Ph.D. Mr. Mrs. No. 5""".split("\n")

CHINESE = """你好，世界！
我爱北京天安门，天安门上太阳升。
自然语言处理是人工智能领域的一个重要方向。
繁體中文與简体中文混合，加上English单词和数字123。
㐀㐁𠀀𠀁𪚥
𠮷野家 𩸽定食 𡃁妹 𪜀𫝀𫠠
中华人民共和国　全角空格　测试
「引号」『双引号』《书名》【括号】——破折号……省略号
一二三四五六七八九十百千万亿零〇
豈更車賈滑串句龜 丽乁你
日本語のテキストとカタカナ、ひらがな。
東京特許許可局許可局長の許可
ﾊﾝｶｸｶﾀｶﾅ ｱｲｳｴｵ ガギグ
한국어 텍스트입니다. 안녕하세요 세계
가각간 ㄱㄴㄷ ᄒ
ABC全角ＡＢＣ１２３！＂＃
㍿㌔㍍㎏ ㈱ ㊤㊥㊦ ㋾""".split("\n")

ARABIC = """مرحبا بالعالم
اللُّغَةُ العَرَبِيَّةُ جَمِيلَةٌ
أنا أحب القراءة، هل تحبها؟ نعم؛ جدًا.
لا إله ٱلرَّحْمَٰنِ ﷽ ﷺ ﻻ
١٢٣٤٥ و ۱۲۳۴۵
שלום עולם שָׁלוֹם בְּרֵאשִׁית
فارسی می‌خواهم پژوهش گفت‌وگو
اردو میں لکھا ہوا متن""".split("\n")

THAI = """สวัสดีชาวโลก
ภาษาไทยไม่มีการเว้นวรรคระหว่างคำ
น้ำ กำลัง ที่นี่ ๑๒๓
ຂ້ອຍຮັກພາສາລາວ
ខ្ញុំស្រលាញ់ភាសាខ្មែរ
မြန်မာဘာသာစကား
हिन्दी में लिखा हुआ पाठ क्षत्रिय
বাংলা ভাষা তামিল தமிழ் మళ్ళీ తెలుగు ಕನ್ನಡ മലയാളം
བོད་སྐད་ཡིན།""".split("\n")

EMOJI = """😀😃😄 hello 😂🤣
👨‍👩‍👧‍👦 family 👩🏽‍💻 coder 🏳️‍🌈 flag 🏴󠁧󠁢󠁥󠁮󠁧󠁿
🇩🇪🇯🇵🇺🇸 🇩 🇪
1️⃣2️⃣#️⃣ ❤️ ❤ ☎️ ☎
👍👍🏻👍🏼👍🏽👍🏾👍🏿
🧑🏿‍🤝‍🧑🏻👩‍❤️‍💋‍👨
text😀text 😀text text😀
🀄🃏♠♥♦♣ ♪♫ ★☆ →←↑↓ ∀∃∈∉ ∑∏∫ √∞ ≠≤≥
𝐀𝐁𝐂 𝕳𝖊𝖑𝖑𝖔 𝓌ℴ𝓇𝓁𝒹 𝟘𝟙𝟚 ℕℤℚℝℂ
𐍈𐌰𐌹 𐤀𐤁 𓀀𓁐 𒀀""".split("\n")

MARKS = [
    "e\u0301 a\u0300\u0323 o\u0323\u0302 \u1ed9 \u1e69 s\u0323\u0307 s\u0307\u0323",
    "q\u0307\u0323 q\u0323\u0307 \u1e0b\u0323 d\u0323\u0307 \u0344 \u0308\u0301",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA\u036b\u0357\u0334\u0362",
    "\u0301abc \u0301 \u0338 =\u0338 <\u0338 \u226e",
    "\u212b \u00c5 A\u030a \u2126 \u03a9 \u212a K",
    "ﬁ ﬂ ﬃ ﬆ Ǆ ǅ ĳ ŉ ŀ ſ ẛ̣ ẞ ß",
    "Σίσυφος ΟΔΟΣ ΌΔΟΣ Σ ΣΣ ἈΡΧΙΜΉΔΗΣ ᾳ ᾼ ᾲ ΐ ΰ",
    "İI ıi İstanbul ISPARTA ıspanak Ⅳ Ⓐ ⓐ",
    "Đđ Øø Łł Ħħ Ðð Þþ Ææ Œœ",
    "Việt Nam Tiếng Việt Việt Tiếng",
    "Привет, мир! Ёжик ёлка й и\u0306 ї і\u0308",
    "ქართული Ელ ᲔᲚ ⴀⴁ",
    "a\u0345\u0301 \u1fb4 \u03b1\u0345\u0301 \u03b1\u0301\u0345 \u1f80 \u03b1\u0313\u0345",
    "\u0f73\u0f71\u0f72 \u0f71\u0f74\u0f72 \u09c7\u09be \u0bc6\u0bbe \u1100\u1161\u11a8 \u1100\u1161\u11a7",
    "a\u20dd \u20e3 x\u20d7 \U0001d15e \U0001d1bb \u2adc \ufb1d \ufb2a",
    "\ufb31\u05bc \u05d1\u05bc\u05b8 \u0622\u0653 \u0627\u0653\u0654 \u0650\u0651 \u0651\u0650",
]

SPACE = [
    "", " ", "  ", "   ", "\t", "\n", "\r\n", "\u3000", "a  b", " a", "a ", "  a  ", "a\tb\nc\r\nd", "\n\n\na", "a\n\n\n", "a\n \n b",
    "\u00a0a\u00a0", "\u2003a\u2003b", "\u200ba\u200bb", "\u202fa\u202f", "\u205fx", "\u1680y", "\u0085z", "a\u2028b\u2029c", "\ufeffa\ufeff",
    "a\u200cb\u200dc", "\u180ea\u180e", "a\u00adb", "a\u2060b", "\u000b\u000c a", "\u001c\u001d\u001e\u001f x",
    "tab\tseparated\tvalues\t", "   leading and trailing   ", "many     spaces      inside", " \u3000 \t mixed \u00a0\u2003 white ",
    "a \n b", "a\n b", " \n", "\n ", "x \t\t y", "  \n  \n", "end.  Start", "▁", "▁▁a", "a▁b", " ▁ a", "a ▁b▁ ", "▁ ▁",
]

CONTROL = [
    "\x00", "a\x00b", "\x01\x02\x03", "a\x07b\x08c", "\x1b[31mred\x1b[0m", "\x7f", "a\x7fb", "\x80\x81\x9f", "\ufffd", "a\ufffdb\ufffd\ufffd",
    "\ue000private\uf8ff", "\U000f0000a", "\U0010fffdb", "\ufffe\uffff", "\u202eRTL\u202c", "\u2066iso\u2069", "\u061c\u200e\u200f", "\ufff9a\ufffab\ufffb",
    "\x00\x00a", "\x01a b\x01", "\x0ba\x0b", "\x8fx\x8f",
]

CODE_LINES = """def f(x):\\n    return x ** 2  # square
for (let i = 0; i < n; ++i) { a[i] = b[i] ?? 0; }
const f = (x) => ({ ...x, y: `${x.y}\\n` })
#include <stdio.h>\\nint main(void) { printf("%d\\\\n", 42); return 0; }
SELECT * FROM users WHERE name LIKE '%O''Brien%' AND age >= 18;
<div class="a b" id='c'>Text &amp; more<br/></div><!-- comment -->
{"key": [1, 2.5, null, true], "nested": {"a": "b\\\\"}}
if(x==1&&y!=2||!z){x+=1;y-=2;z*=3;}
x = a if b else c; y = [i for i in range(10) if i % 2]
git commit -m "fix: bug #123" && git push --force-with-lease origin HEAD:main
\\\\frac{\\\\partial f}{\\\\partial x} = \\\\sum_{i=0}^{n} x_i^2
| a | b |\\n|---|---|\\n| 1 | 2 |
0b1010 0o777 0xDEADBEEF 1_000_000 1e+10 .5 5. -0.0 NaN Infinity
!@#$%^&*()_+-=[]{};':",./<>?`~|
!!!???... ;;; ::: --- === *** ((())) [[[]]]"""
CODE = [line.replace("\\n", "\n").replace("\\\\", "\\") for line in CODE_LINES.split("\n")]

URLS = """https://example.com/path/to/page?query=1&b=%20x#frag
http://user:pass@host.example:8080/~dir/file.tar.gz
mailto:someone@example.org?subject=Hello%20World
www.example.co.uk/a_b-c.d ftp://ftp.example.net
C:\\Windows\\System32\\drivers\\etc\\hosts /usr/local/bin
http://例え.テスト/ãé?q=日本 192.168.0.1 ::1 fe80::1%eth0
@user #hashtag #标签 user+tag@sub.domain.example""".split("\n")

LONG = [
    "a" * 99, "a" * 100, "a" * 101, "a" * 250, "ab" * 120, "é" * 60, "中" * 60, "😀" * 30, "!" * 80, "." * 33, " " * 70, "1" * 77, "-" * 64,
    "\n" * 20, "word " * 60, "x1" * 50, "ha" * 51, "z" * 100 + " tail", "aA" * 55, "e\u0301" * 40, "\u0301" * 30, "𠀀" * 25, "the" * 40,
    "0123456789" * 9, "_" * 50 + "a", "supercalifragilistic" * 6,
]

BLOCKS = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x2AF), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x5D0, 0x5EA), (0x620, 0x652), (0x900, 0x97F),
    (0xE01, 0xE3A), (0x1100, 0x11FF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209C), (0x2150, 0x218B), (0x2190, 0x22FF),
    (0x2460, 0x24FF), (0x3000, 0x30FF), (0x3130, 0x318E), (0x3200, 0x32FE), (0x3400, 0x3420), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xF900, 0xFA6D),
    (0xFB00, 0xFB4F), (0xFE50, 0xFE6B), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F), (0x20000, 0x200FF), (0x2F800, 0x2FA1D),
]

WORDS = """the of and to in is it you that he was for on are with as his they at be this have from or one had by word but not what all were we when your can said
there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more write go see
number no way could people my than first water been call who oil its now find long down day did get come made may part""".split()


def drawn():
    """Strings drawn at random, the same ones every time."""
    rng = random.Random(20261128)
    pick = lambda low, high: chr(rng.randint(low, high))
    out = []
    for low, high in BLOCKS:  # One block alone, and beside English.
        for n in (3, 9):
            out.append("".join(pick(low, high) for _ in range(n)))
        out.append(f"{rng.choice(WORDS)} {pick(low, high)}{pick(low, high)} {rng.choice(WORDS)}{pick(low, high)}")
    for _ in range(330):  # All together, with white space and punctuation.
        n = rng.randint(1, 24)
        out.append("".join(pick(*rng.choice(BLOCKS)) if rng.random() < 0.7 else rng.choice(" .,'\n-_e1") for _ in range(n)))
    for _ in range(120):  # Letters and marks in any order.
        out.append("".join(rng.choice("aeodsuAEΣσ가か") if rng.random() < 0.4 else pick(0x300, 0x345) for _ in range(rng.randint(2, 12))))
    for _ in range(140):  # English with odd case and punctuation.
        words = [rng.choice(WORDS) for _ in range(rng.randint(1, 14))]
        words = [w.upper() if rng.random() < 0.1 else w.capitalize() if rng.random() < 0.2 else w for w in words]
        out.append(rng.choice([" ", " ", "  ", "\n", "-", ", "]).join(words) + rng.choice(["", ".", "!", "?", " .", "...", "'s", " n't"]))
    for _ in range(60):  # Numbers.
        out.append(" ".join(rng.choice(["%d" % rng.randint(0, 10**6), "%.3f" % rng.random(), "%x" % rng.randint(0, 2**32), "½", "²", "Ⅷ", "٣"])
                            for _ in range(rng.randint(1, 6))))
    for _ in range(60):  # Added tokens among other text.
        out.append("".join(rng.choice(["[MASK]", "[CLS]", " ", "  ", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<unk>", "<extra>",
                                       "mask", "é", "x", "▁", "\n", "<", "[", "word", "Word"]) for _ in range(rng.randint(2, 9))))
    return out


def corpus():
    written = [*ENGLISH, *CHINESE, *ARABIC, *THAI, *EMOJI, *MARKS, *SPACE, *CONTROL, *CODE, *URLS, *LONG]
    joined = [f"{a} {b}" for a, b in zip(ENGLISH, CHINESE)] + [f"{a}{b}" for a, b in zip(EMOJI, ARABIC)]
    pieces = [w for line in ENGLISH[:6] + CHINESE[:4] + ARABIC[:4] + THAI[:3] for w in line.split(" ")]
    return list(dict.fromkeys([*written, *joined, *pieces, *drawn()]))


if __name__ == "__main__":
    print(len(corpus()))
