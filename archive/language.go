package archive

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// languageCodes maps names in lower case, English and each language's own, to
// BCP 47 codes.
var languageCodes = sync.OnceValue(func() map[string]string {
	codes := map[string]string{
		"farsi": "fa", "mandarin": "zh", "mandarin chinese": "zh", "castilian": "es", "flemish": "nl", "bengali": "bn",
		"moldavian": "ro", "moldovan": "ro", "rumanian": "ro", "roumanian": "ro", "byelorussian": "be", "belorussian": "be", "pushtu": "ps",
		"azeri": "az", "kirghiz": "ky", "uighur": "ug", "slovene": "sl", "kampuchean": "km", "cambodian": "km",
		"hindustani": "hi", "mongol": "mn", "serbo-croat": "sh", "serbo-croatian": "sh", "norwegian": "no", "siamese": "th",
		"brazilian portuguese": "pt-BR", "tagalog": "tl", "panjabi": "pa", "sinhalese": "si", "singhalese": "si", "laotian": "lo", "oriya": "or", "gaelic": "gd", "sami": "se",
	}
	english := display.English.Languages()
	for _, base := range language.Supported.BaseLanguages() {
		tag, err := language.Compose(base)
		if err != nil {
			continue
		}
		for _, name := range []string{english.Name(tag), display.Self.Name(tag)} {
			name = strings.ToLower(name)
			if old, taken := codes[name]; name != "" && (!taken || len(old) > len(base.String())) {
				codes[name] = base.String()
			}
		}
	}
	return codes
})

var languageNoise = regexp.MustCompile(`(?i)\([^)]*\)|\b(?:the|language|original|in|into)\b`)

// languageCode looks a language's name up.
func languageCode(name string) (string, bool) {
	if len(name) > 80 {
		return "", false
	}
	name = strings.ToLower(strings.Trim(clean(languageNoise.ReplaceAllString(name, " ")), ".,;:-–— "))
	code, ok := languageCodes()[name]
	if !ok && (len(name) == 2 || len(name) == 3) {
		if base, err := language.ParseBase(name); err == nil {
			return base.String(), true
		}
	}
	return code, ok
}

var languageBreak = regexp.MustCompile(`\s*(?:[,;/&+]|\band\b)\s*`)

// readLanguages reads the line of the original language. Of several the first
// is the record's; an unknown name stays as it is, in lower case.
func readLanguages(text passage, u *rest) string {
	name := unstarred(text.text)
	if code, ok := languageCode(name); ok {
		return code
	}
	parts := languageBreak.Split(name, 2)
	code, ok := languageCode(parts[0])
	if !ok || len(parts) == 1 {
		return strings.ToLower(strings.TrimRight(name, ". "))
	}
	u.keepText(text.lineAt(len(parts[0])), parts[1])
	return code
}

var (
	contentsKind  = regexp.MustCompile(`(?i)\b(translations?|transcriptions?|transcripts?|transliterations?|originals?|summary|scans?|scanned copy|facsimiles?|extracts?|excerpts?|abstract|paraphrase)\b`)
	contentsWords = regexp.MustCompile(`[\p{L}\p{M}]+(?:-[\p{L}\p{M}]+)*`)
)

// readContents reads what the text is and its language: "Translation -
// English", "English translation", "Translation from Russian into English".
// The language named last is the one in which the text now stands.
func readContents(text string) *Contents {
	text = unstarred(text)
	c := &Contents{Kind: strings.ToLower(contentsKind.FindString(text))}
	first, after, divided := text, "", false
	for _, mark := range []string{" - ", " – ", " — ", ": ", ", ", "- ", "– ", "— ", "-", "–", "—"} {
		if first, after, divided = strings.Cut(text, mark); divided {
			break
		}
	}
	if divided {
		if code, ok := languageCode(after); ok {
			c.Kind = firstOf(c.Kind, strings.ToLower(strings.TrimSpace(first)))
			c.Language = code
			return c
		}
	}
	for _, word := range contentsWords.FindAllString(text, 40) {
		if code, ok := languageCode(word); ok && len(word) > 3 {
			c.Language = code
		}
	}
	if c.Kind == "" {
		c.Kind = strings.ToLower(strings.TrimSpace(first))
	} else if c.Language == "" && divided && contentsKind.FindString(first) != "" {
		c.Language = strings.ToLower(strings.Trim(after, "(). "))
	}
	return c
}

// ParseLanguage reads a language's BCP 47 code or its name, and gives the code. Only languages are taken whose name is read back as the same code.
func ParseLanguage(s string) (string, error) {
	code, ok := languageCode(s)
	if !ok {
		return "", fmt.Errorf("%q is no language that is known here: give its code or English name, as in  ru  or  Russian", shortened(s))
	}
	if again, ok := languageCode(LanguageName(code)); !ok || again != code {
		return "", fmt.Errorf("the language %q has no English name that is its own: give a wider one", shortened(s))
	}
	return code, nil
}

// LanguageName is the English name of a language by its code; a code without a name stays as it is.
func LanguageName(code string) string {
	tag, err := language.Parse(code)
	if err != nil {
		return code
	}
	if name := display.English.Languages().Name(tag); name != "" {
		return name
	}
	return code
}
