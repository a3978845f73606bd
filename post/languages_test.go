package post_test

import (
	"strings"
	"testing"

	"chancery.example/chancery/archive"
)

// TestLanguages: telegrams in Russian, Chinese and Arabic, with a message to be conveyed in each, arrive letter for letter, and every
// proof of them holds.
func TestLanguages(t *testing.T) {
	for name, text := range map[string]string{
		"Russian": "Посетите министра и передайте ему следующее:\n\n[convey to министру]\n\nМы согласны. Поезда стоят у границы с четверга.\n\n[end ГЕРОН]\n\nИсполнение телеграфьте.",
		"Chinese": "请即拜访部长，并转交下列电文：\n\n[convey to 部长]\n\n我们同意。列车星期四到达边境。\n\n[end 苍鹭]\n\n办妥后请电告。",
		"Arabic":  "زوروا الوزير وسلّموه ما يلي:\n\n[convey to الوزير]\n\nنحن موافقون. القطارات عند الحدود منذ يوم الخميس.\n\n[end مالك]\n\nأبرقوا عند التنفيذ.",
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, nil)
			m.run("MOSCOW", "BEIJING")
			moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
			moscow.send("To: AMBASSADOR@BEIJING; flash\nSubject: " + name + "\n\n" + text + "\n")
			m.delivered("MOSCOW")
			s := beijing.shown(archive.In, 1)
			for _, part := range strings.Split(text, "\n\n") {
				if !strings.HasPrefix(part, "[") && !strings.Contains(s.Telegram.Text, part) {
					t.Errorf("%q did not arrive: %s", part, s.Telegram.Text)
				}
			}
			if c := s.Telegram.Conveyed; c == nil || !strings.Contains(text, "[convey to "+c.To+"]") || !strings.Contains(text, "[end "+c.Signature+"]") {
				t.Errorf("the conveyed message is %+v", c)
			}
			if !s.Verified || !moscow.shown(archive.Out, 1).Verified {
				t.Errorf("not everything holds: %v", s.Findings)
			}
		})
	}
}
