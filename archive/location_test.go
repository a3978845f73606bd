package archive

import (
	"reflect"
	"strings"
	"testing"
)

func part(level, value string) LocationPart { return LocationPart{level, value} }

func TestParseLocation(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  Location
		long  string
		short string
	}{
		{"APRF, f. 45, op. 1, d. 336, ll. 20-21",
			Location{"APRF", []LocationPart{part("fond", "45"), part("opis", "1"), part("delo", "336"), part("listy", "20-21")}},
			"APRF, Fond 45, Opis 1, Delo 336, Listy 20-21", "APRF, f. 45, op. 1, d. 336, ll. 20-21"},
		{"AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197",
			Location{"AVPRF", []LocationPart{part("fond", "059a"), part("opis", "5a"), part("delo", "3"), part("papka", "11"), part("listy", "196-197")}},
			"AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197", "AVPRF, f. 059a, op. 5a, d. 3, p. 11, ll. 196-197"},
		{" AMFA,  Fond 12, Opis 3, Delo 88, List 41.",
			Location{"AMFA", []LocationPart{part("fond", "12"), part("opis", "3"), part("delo", "88"), part("listy", "41")}},
			"AMFA, Fond 12, Opis 3, Delo 88, List 41", "AMFA, f. 12, op. 3, d. 88, l. 41"},
		{"АВПРФ, ф. 3, оп. 1, д. 17, п. 4, лл. 201–203",
			Location{"АВПРФ", []LocationPart{part("fond", "3"), part("opis", "1"), part("delo", "17"), part("papka", "4"), part("listy", "201-203")}},
			"АВПРФ, Fond 3, Opis 1, Delo 17, Papka 4, Listy 201-203", "АВПРФ, f. 3, op. 1, d. 17, p. 4, ll. 201-203"},
		{"National Archives, RG 59, Box 3, Folder 7",
			Location{"National Archives", []LocationPart{part("record group", "59"), part("box", "3"), part("folder", "7")}},
			"National Archives, Record Group 59, Box 3, Folder 7", "National Archives, RG 59, box 3, folder 7"},
		{"Legation Archive, box 12, file 4, ll. 3, 5-9",
			Location{"Legation Archive", []LocationPart{part("box", "12"), part("file", "4"), part("listy", "3, 5-9")}},
			"Legation Archive, Box 12, File 4, Listy 3, 5-9", "Legation Archive, box 12, file 4, ll. 3, 5-9"},
		{"Institute of History, Party Archives, f. 1",
			Location{"Institute of History, Party Archives", []LocationPart{part("fond", "1")}},
			"Institute of History, Party Archives, Fond 1", "Institute of History, Party Archives, f. 1"},
	} {
		got, err := ParseLocation(c.text)
		if err != nil {
			t.Error(err)
			continue
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q is read as %+v", c.text, got)
		}
		if got.String() != c.long || got.Short() != c.short {
			t.Errorf("%q is written as\n%s\n%s", c.text, got, got.Short())
		}
	}
}

func TestParseLocationRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                                      "no labelled part",
		"APRF":                                  "no labelled part",
		"in the cupboard":                       "no labelled part",
		"TNA, FO 371/84054":                     "no labelled part",
		"f. 45, op. 1":                          "which archive",
		"APRF, f. 45 and AVPRF, f. 059":         "several places",
		"APRF, f. 45; f. 46":                    "several places",
		"APRF, f. 45, by the window":            `"by the window" has no label`,
		`"Title", May 2, 1952, APRF, f. 45`:     "quotation marks",
		"APRF, f. 45 <https://archive.example>": "brackets",
		"APRF, f. 4\xff":                        "not UTF-8",
		"APRF, f. 4, " + strings.Repeat("long ", 200):  "longer than",
		"https://archive.example/1 APRF, f. 45, op. 1": "whole citation",
	} {
		if l, err := ParseLocation(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v; want %q", text, l, err, says)
		}
	}
}

// FuzzParseLocation holds that what is accepted is written in both forms so that it reads the same, and that writing comes to rest.
func FuzzParseLocation(f *testing.F) {
	for _, s := range []string{
		"APRF, f. 45, op. 1, d. 336, ll. 20-21", "AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197", "National Archives, RG 59, Box 3, Folder 7",
		"AMFA, f. 4, p. 11, p. 196", "A and B, series 3, vol. 2, reel 7, item 9", "X, l. 1, 2 & 3", "Y, d. № 4/5", "Z, f. 1 f. 2", "АВПРФ, ф. 3, оп. 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := ParseLocation(s)
		if err != nil {
			return
		}
		for _, written := range []string{l.String(), l.Short()} {
			again, err := ParseLocation(written)
			if err != nil || !l.equal(again) || again.String() != l.String() || again.Short() != l.Short() {
				t.Errorf("%q is written as %q and read as %+v, %v", s, written, again, err)
			}
		}
	})
}
