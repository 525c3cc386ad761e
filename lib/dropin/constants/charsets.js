'use strict'

// The collations from 1 on in the order of their ids, which no rule gives; a dash is an id without a collation.
const FIRST = `
  BIG5_CHINESE_CI LATIN2_CZECH_CS DEC8_SWEDISH_CI CP850_GENERAL_CI LATIN1_GERMAN1_CI HP8_ENGLISH_CI KOI8R_GENERAL_CI
  LATIN1_SWEDISH_CI LATIN2_GENERAL_CI SWE7_SWEDISH_CI ASCII_GENERAL_CI UJIS_JAPANESE_CI SJIS_JAPANESE_CI
  CP1251_BULGARIAN_CI LATIN1_DANISH_CI HEBREW_GENERAL_CI - TIS620_THAI_CI EUCKR_KOREAN_CI LATIN7_ESTONIAN_CS
  LATIN2_HUNGARIAN_CI KOI8U_GENERAL_CI CP1251_UKRAINIAN_CI GB2312_CHINESE_CI GREEK_GENERAL_CI CP1250_GENERAL_CI
  LATIN2_CROATIAN_CI GBK_CHINESE_CI CP1257_LITHUANIAN_CI LATIN5_TURKISH_CI LATIN1_GERMAN2_CI ARMSCII8_GENERAL_CI
  UTF8_GENERAL_CI CP1250_CZECH_CS UCS2_GENERAL_CI CP866_GENERAL_CI KEYBCS2_GENERAL_CI MACCE_GENERAL_CI
  MACROMAN_GENERAL_CI CP852_GENERAL_CI LATIN7_GENERAL_CI LATIN7_GENERAL_CS MACCE_BIN CP1250_CROATIAN_CI
  UTF8MB4_GENERAL_CI UTF8MB4_BIN LATIN1_BIN LATIN1_GENERAL_CI LATIN1_GENERAL_CS CP1251_BIN CP1251_GENERAL_CI
  CP1251_GENERAL_CS MACROMAN_BIN UTF16_GENERAL_CI UTF16_BIN UTF16LE_GENERAL_CI CP1256_GENERAL_CI CP1257_BIN
  CP1257_GENERAL_CI UTF32_GENERAL_CI UTF32_BIN UTF16LE_BIN BINARY ARMSCII8_BIN ASCII_BIN CP1250_BIN CP1256_BIN
  CP866_BIN DEC8_BIN GREEK_BIN HEBREW_BIN HP8_BIN KEYBCS2_BIN KOI8R_BIN KOI8U_BIN UTF8_TOLOWER_CI LATIN2_BIN
  LATIN5_BIN LATIN7_BIN CP850_BIN CP852_BIN SWE7_BIN UTF8_BIN BIG5_BIN EUCKR_BIN GB2312_BIN GBK_BIN SJIS_BIN
  TIS620_BIN UCS2_BIN UJIS_BIN GEOSTD8_GENERAL_CI GEOSTD8_BIN LATIN1_SPANISH_CI CP932_JAPANESE_CI CP932_BIN
  EUCJPMS_JAPANESE_CI EUCJPMS_BIN CP1250_POLISH_CI`

// Each Unicode character set has these languages in this order, from its own id on.
const LANGUAGES = `
  UNICODE ICELANDIC LATVIAN ROMANIAN SLOVENIAN POLISH ESTONIAN SPANISH SWEDISH TURKISH CZECH DANISH LITHUANIAN SLOVAK
  SPANISH2 ROMAN PERSIAN ESPERANTO HUNGARIAN SINHALA GERMAN2 CROATIAN UNICODE_520 VIETNAMESE`
const WITH_LANGUAGES = { UTF16: 101, UCS2: 128, UTF32: 160, UTF8: 192, UTF8MB4: 224 }

// The same for the collations of MySQL 8, once without accents and case and once with both.
const LANGUAGES_0900 = 'DE_PB IS LV RO SL PL ET ES SV TR CS DA LT SK ES_TRAD LA - EO HU HR - VI'

const OTHERS = {
  UCS2_GENERAL_MYSQL500_CI: 159,
  UTF8_GENERAL_MYSQL500_CI: 223,
  GB18030_CHINESE_CI: 248,
  GB18030_BIN: 249,
  GB18030_UNICODE_520_CI: 250,
  UTF8_GENERAL50_CI: 253,
  UTF8MB4_0900_AI_CI: 255,
  UTF8MB4_0900_AS_CS: 278,
  UTF8MB4_JA_0900_AS_CS: 303,
  UTF8MB4_JA_0900_AS_CS_KS: 304,
  UTF8MB4_0900_AS_CI: 305,
  UTF8MB4_RU_0900_AI_CI: 306,
  UTF8MB4_RU_0900_AS_CS: 307,
  UTF8MB4_ZH_0900_AS_CS: 308,
  UTF8MB4_0900_BIN: 309,
}

/** The ids of collations by their names, and by the name of a character set that of its default collation. */
const Charsets = {
  ...numbered(FIRST, 1, (name) => name),
  ...languagesOf(),
  ...numbered(LANGUAGES_0900, 256, (language) => `UTF8MB4_${language}_0900_AI_CI`),
  ...numbered(LANGUAGES_0900, 279, (language) => `UTF8MB4_${language}_0900_AS_CS`),
  ...OTHERS,
}
addDefaults()

function numbered(list, first, nameOf) {
  const words = list.trim().split(/\s+/)
  const entries = words.map((word, index) => [nameOf(word), first + index])
  return Object.fromEntries(entries.filter((entry, index) => words[index] !== '-'))
}

function languagesOf() {
  const lists = Object.entries(WITH_LANGUAGES).map(([charset, first]) =>
    numbered(LANGUAGES, first, (language) => `${charset}_${language}_CI`),
  )
  return Object.assign({}, ...lists)
}

// The default is the general collation, or the first one where there is no general one.
function addDefaults() {
  for (const [name, id] of Object.entries(Charsets)) {
    const charset = charsetOf(name)
    Charsets[charset] ??= Charsets[`${charset}_GENERAL_CI`] ?? id
  }
  // It has a general one, but that of Sweden is its default.
  Charsets.LATIN1 = Charsets.LATIN1_SWEDISH_CI
}

/** The name of the character set of a collation. */
function charsetOf(collation) {
  return collation.split('_', 1)[0]
}

module.exports = { Charsets, charsetOf }
