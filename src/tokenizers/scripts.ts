/** Scripts of characters, as in the pre-tokenizer `UnicodeScripts` of the Rust library: those of Unicode 9. */

const names =
  'Latin Common Han Cyrillic Arabic Inherited Greek Hebrew Devanagari Thai Hangul Hiragana Katakana Adlam Ahom Anatolian_Hieroglyphs ' +
  'Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal ' +
  'Carian Caucasian_Albanian Chakma Cham Cherokee Coptic Cuneiform Cypriot Deseret Duployan Egyptian_Hieroglyphs Elbasan Ethiopic ' +
  'Georgian Glagolitic Gothic Grantha Gujarati Gurmukhi Hanunoo Hatran Imperial_Aramaic Inscriptional_Pahlavi ' +
  'Inscriptional_Parthian Javanese Kaithi Kannada Kayah_Li Kharoshthi Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A Linear_B Lisu ' +
  'Lycian Lydian Mahajani Malayalam Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs ' +
  'Miao Modi Mongolian Mro Multani Myanmar Nabataean New_Tai_Lue Newa Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian ' +
  'Old_Permic Old_Persian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician ' +
  'Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng Sundanese ' +
  'Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Tibetan Tifinagh Tirhuta ' +
  'Ugaritic Vai Warang_Citi Yi'

const scripts = names.split(' ').map((name) => [name, new RegExp(`^\\p{Script=${name}}$`, 'u')] as const)

/** A cache of the scripts of characters. */
const known = new Map<string, string | null>()

/** Scripts that SentencePiece merges: Japanese has three. */
const joined: { readonly [name: string]: string } = { Hiragana: 'Han', Katakana: 'Han' }

const lookUp = (character: string): string | null => {
  if (character === ' ') return null
  if (character === 'ー') return 'Han'
  const name = scripts.find(([, pattern]) => pattern.test(character))?.[0] ?? null
  return name === null ? null : (joined[name] ?? name)
}

/** The script of a character; null for a space, or a character without a script, which match any script. */
export const scriptOf = (character: string): string | null => {
  const before = known.get(character)
  if (before !== undefined) return before
  const script = lookUp(character)
  known.set(character, script)
  return script
}
