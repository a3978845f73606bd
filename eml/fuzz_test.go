package eml_test

import (
	"testing"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
)

// The law: what is read, written and read again is the same telegram. Bytes cannot be the same, for a mail can be written in many ways; but what
// Write has once written, it writes again.
func FuzzParse(f *testing.F) {
	for _, m := range []*eml.Mail{rich(), plain()} {
		b, err := eml.Write(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(head + "Subject: =?koi8-r?B?0MHSz80=?=\nContent-Type: text/plain; format=flowed\n\nFirst \nline.\n-- \nIvan\n"))
	f.Add([]byte(head + multi("alternative; boundary=x", "Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: quoted-printable\n\n=D0", "Content-Type: text/html\n\n<p>")))
	f.Add([]byte(foreign("SIO-Label: marking*=us-ascii'en'A%20B;\n fgcolor = black ; type=\":ess\"; label*0=\"MQYG\"; label*1=\"ASkCAQM=\"\nMMHS-Message-Type: 0(exercise); identifier=\"A\"")))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := eml.Parse(b)
		if (m == nil) != (err != nil) {
			t.Fatalf("mail %v, error %v", m, err)
		}
		if err != nil {
			return
		}
		m.Answers, m.LeftOut = nil, nil // said of the mail, and not by the telegram
		if m.Telegram.From == (telegram.Address{}) {
			m.Telegram.From = telegram.Address{Office: "A", Post: "B"}
			if len(m.Telegram.References) > 0 {
				return // whose serials it cites hangs on whose it is
			}
		}
		lossless(t, m)
	})
}
