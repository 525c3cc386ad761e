/// <reference types="node" />

/** The types of columns in the protocol: their codes by name, and their names by code. */
export interface Types extends Readonly<Record<TypeName, number>> {
  readonly [code: number]: string
}

export type TypeName =
  | 'DECIMAL'
  | 'TINY'
  | 'SHORT'
  | 'LONG'
  | 'FLOAT'
  | 'DOUBLE'
  | 'NULL'
  | 'TIMESTAMP'
  | 'LONGLONG'
  | 'INT24'
  | 'DATE'
  | 'TIME'
  | 'DATETIME'
  | 'YEAR'
  | 'NEWDATE'
  | 'VARCHAR'
  | 'BIT'
  | 'VECTOR'
  | 'JSON'
  | 'NEWDECIMAL'
  | 'ENUM'
  | 'SET'
  | 'TINY_BLOB'
  | 'MEDIUM_BLOB'
  | 'LONG_BLOB'
  | 'BLOB'
  | 'VAR_STRING'
  | 'STRING'
  | 'GEOMETRY'

/** A value with the type that it is to have as a parameter of `execute`. */
export interface TypedParameterValue {
  readonly type: number
  readonly value: unknown
}

export type TypedParameterInput = string | number | bigint | boolean | Date | Buffer | Uint8Array | null

export interface TypedParameterFactory {
  (value: TypedParameterInput): TypedParameterValue
}

/** Refuses, as it is called, what does not fit. `unsigned` is for the upper half of columns without a sign. */
export interface IntegerTypedParameterFactory extends TypedParameterFactory {
  unsigned(value: TypedParameterInput): TypedParameterValue
}

export interface JsonTypedParameterFactory {
  (value: TypedParameterInput | object): TypedParameterValue
}

type IntegerName =
  | 'TINY'
  | 'SHORT'
  | 'YEAR'
  | 'INT24'
  | 'LONG'
  | 'LONGLONG'
  | 'TINYINT'
  | 'SMALLINT'
  | 'MEDIUMINT'
  | 'INT'
  | 'INTEGER'
  | 'BIGINT'

type TextName = 'REAL' | 'CHAR' | 'BINARY' | 'VARBINARY' | 'TEXT' | 'MEDIUMTEXT' | 'LONGTEXT'

/** Functions that give a value its type: `TypedParameter.LONGLONG('9007199254740993')`. */
export interface TypedParameter
  extends
    Record<IntegerName, IntegerTypedParameterFactory>,
    Record<TextName | Exclude<TypeName, IntegerName | 'JSON' | 'NULL' | 'NEWDATE'>, TypedParameterFactory> {
  JSON: JsonTypedParameterFactory
  NULL(): TypedParameterValue
}

/** The ids of collations by their names, and by the name of a character set that of its default collation. */
export type Charsets = Readonly<Record<CharacterSet | Collation, number>>

// Every character set has a binary collation but for BINARY, which is one.
type Collation =
  | `${Exclude<CharacterSet, 'BINARY'>}_BIN`
  | `${WithGeneral | Unicode}_GENERAL_CI`
  | `${'LATIN1' | 'LATIN7' | 'CP1251'}_GENERAL_CS`
  | `${Unicode}_${Language}_CI`
  | `UTF8MB4_${Language0900}_0900_${'AI_CI' | 'AS_CS'}`
  | `UTF8MB4_0900_${'AI_CI' | 'AS_CS' | 'AS_CI' | 'BIN'}`
  | `UTF8MB4_JA_0900_AS_CS${'' | '_KS'}`
  | `UTF8MB4_RU_0900_${'AI_CI' | 'AS_CS'}`
  | 'UTF8MB4_ZH_0900_AS_CS'
  | `${'UTF8' | 'UCS2'}_GENERAL_MYSQL500_CI`
  | 'UTF8_GENERAL50_CI'
  | 'UTF8_TOLOWER_CI'
  | `${'BIG5' | 'GB2312' | 'GBK' | 'GB18030'}_CHINESE_CI`
  | `${'UJIS' | 'SJIS' | 'CP932' | 'EUCJPMS'}_JAPANESE_CI`
  | `${'DEC8' | 'LATIN1' | 'SWE7'}_SWEDISH_CI`
  | `LATIN1_${'GERMAN1' | 'GERMAN2' | 'DANISH' | 'SPANISH'}_CI`
  | `LATIN2_${'HUNGARIAN_CI' | 'CROATIAN_CI' | 'CZECH_CS'}`
  | `CP1250_${'CROATIAN_CI' | 'POLISH_CI' | 'CZECH_CS'}`
  | `CP1251_${'BULGARIAN' | 'UKRAINIAN'}_CI`
  | 'CP1257_LITHUANIAN_CI'
  | 'EUCKR_KOREAN_CI'
  | 'GB18030_UNICODE_520_CI'
  | 'HP8_ENGLISH_CI'
  | 'LATIN5_TURKISH_CI'
  | 'LATIN7_ESTONIAN_CS'
  | 'TIS620_THAI_CI'

type Unicode = 'UTF8' | 'UTF8MB4' | 'UTF16' | 'UTF32' | 'UCS2'

type WithGeneral =
  | 'ARMSCII8'
  | 'ASCII'
  | 'CP1250'
  | 'CP1251'
  | 'CP1256'
  | 'CP1257'
  | 'CP850'
  | 'CP852'
  | 'CP866'
  | 'GEOSTD8'
  | 'GREEK'
  | 'HEBREW'
  | 'KEYBCS2'
  | 'KOI8R'
  | 'KOI8U'
  | 'LATIN1'
  | 'LATIN2'
  | 'LATIN7'
  | 'MACCE'
  | 'MACROMAN'
  | 'UTF16LE'

type CharacterSet =
  | Unicode
  | WithGeneral
  | 'BIG5'
  | 'BINARY'
  | 'CP932'
  | 'DEC8'
  | 'EUCJPMS'
  | 'EUCKR'
  | 'GB18030'
  | 'GB2312'
  | 'GBK'
  | 'HP8'
  | 'LATIN5'
  | 'SJIS'
  | 'SWE7'
  | 'TIS620'
  | 'UJIS'

// Each Unicode character set has all of these.
type Language =
  | 'UNICODE'
  | 'UNICODE_520'
  | 'CROATIAN'
  | 'CZECH'
  | 'DANISH'
  | 'ESPERANTO'
  | 'ESTONIAN'
  | 'GERMAN2'
  | 'HUNGARIAN'
  | 'ICELANDIC'
  | 'LATVIAN'
  | 'LITHUANIAN'
  | 'PERSIAN'
  | 'POLISH'
  | 'ROMAN'
  | 'ROMANIAN'
  | 'SINHALA'
  | 'SLOVAK'
  | 'SLOVENIAN'
  | 'SPANISH'
  | 'SPANISH2'
  | 'SWEDISH'
  | 'TURKISH'
  | 'VIETNAMESE'

// The languages of MySQL 8, once without accents and case and once with both.
type Language0900 =
  | 'CS'
  | 'DA'
  | 'DE_PB'
  | 'EO'
  | 'ES'
  | 'ES_TRAD'
  | 'ET'
  | 'HR'
  | 'HU'
  | 'IS'
  | 'LA'
  | 'LT'
  | 'LV'
  | 'PL'
  | 'RO'
  | 'SK'
  | 'SL'
  | 'SV'
  | 'TR'
  | 'VI'
