package telegram

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Where in a telegram certain words stand: what [Redaction.Words] withholds, and what [Redaction.Left] warns of.

// place is leaves that bear certain words.
type place struct {
	tree   int
	leaves []int
}

// find looks for words from the subject to the signature.
func (x *Redaction) find(words string) (found []place) {
	want := cores(words)
	if len(want) == 0 {
		return nil
	}
	for _, run := range x.runs() {
		for from := 0; from+len(want) <= len(run.words); from++ {
			if !slices.Equal(run.words[from:from+len(want)], want) {
				continue
			}
			if run.whole {
				found = append(found, place{run.tree, run.leaves})
				break
			}
			found = append(found, place{run.tree, run.leaves[from : from+len(want)]})
			from += len(want) - 1
		}
	}
	return found
}

// run is a text in which words are looked for: a paragraph, a leaf for each word, or one leaf.
type run struct {
	tree   int
	leaves []int
	words  []string // as they are compared
	whole  bool     // it is one leaf
}

func (x *Redaction) runs() (all []run) {
	one := func(tree, i int, text string) {
		all = append(all, run{tree, []int{i}, cores(text), true})
	}
	head := func(kind uint8) {
		for i, l := range x.trees[inHead].leaves {
			if l.Kind == kind {
				one(inHead, i, string(l.Value))
			}
		}
	}
	head(kindSubject)
	paragraph := -1 // the one that goes on
	for i, l := range x.trees[inBody].leaves {
		switch BlockKind(l.Kind) {
		case Paragraph, More:
			if BlockKind(l.Kind) == Paragraph || paragraph < 0 {
				all, paragraph = append(all, run{tree: inBody}), len(all)
			}
			all[paragraph].leaves, all[paragraph].words = append(all[paragraph].leaves, i), append(all[paragraph].words, core(string(l.Value)))
		case Convey, End:
			paragraph = -1
			one(inBody, i, string(l.Value))
		case Insertion:
			one(inBody, i, string(l.Value[1:]))
		case kindAttachment:
			one(inBody, i, attachmentText(l.Value))
		}
	}
	head(kindSignature)
	return all
}

// attachmentText is what people read of an attachment's leaf.
func attachmentText(leaf []byte) string {
	a, err := ParseAttachment(leaf)
	if err != nil {
		return ""
	}
	return a.Name + " " + a.Type
}

// cores are the words of a text as they are compared.
func cores(text string) (out []string) {
	for _, w := range Words(strings.TrimLeft(text, spaces)) {
		out = append(out, core(w))
	}
	return out
}

// core is a word as it is compared: without punctuation at its ends and unseen characters, in its compatible form, without capitals. What is
// nothing else stays.
func core(word string) string {
	folded := fold(strings.TrimRight(word, spaces))
	bare := strings.TrimFunc(folded, func(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) })
	if bare == "" {
		return folded
	}
	return bare
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, norm.NFKC.String(s))
}

// Left says where words that are to be withheld can still be read, within other words or in what [Redaction.Words] does not look at: for the eyes of
// whoever withholds them.
func (x *Redaction) Left(words string) (where []string) {
	if bare, nth := ordinal(words); nth > 0 && len(x.find(words)) == 0 && len(x.find(bare)) > 0 {
		return nil // one place of several was meant
	}
	want := strings.Join(strings.Fields(fold(words)), " ")
	if len([]rune(want)) < 2 {
		return nil
	}
	seen := func(what, text string) {
		if strings.Contains(strings.Join(strings.Fields(fold(text)), " "), want) {
			where = append(where, what)
		}
	}
	for i, l := range x.trees[inHead].leaves {
		if x.trees[inHead].withheld[i] == 0 && i > 0 {
			seen("the "+kindName(l.Kind), string(l.Value))
		}
	}
	paragraph, text := 0, ""
	for i, l := range x.trees[inBody].leaves {
		kind, shown := BlockKind(l.Kind), x.trees[inBody].withheld[i] == 0
		if !shown || kind == Paragraph || kind == Convey || kind == End || kind == kindAttachment {
			seen(fmt.Sprintf("paragraph %d", paragraph), text)
			text = ""
		}
		switch {
		case kind == Paragraph:
			paragraph++
		case shown && kind == kindAttachment:
			seen("the attachment", attachmentText(l.Value))
		case shown && (kind == Convey || kind == End || kind == Insertion):
			seen("the "+kindName(l.Kind), string(l.Value))
		}
		if shown && (kind == Paragraph || kind == More) {
			text += string(l.Value)
		}
	}
	seen(fmt.Sprintf("paragraph %d", paragraph), text)
	return slices.Compact(where)
}
