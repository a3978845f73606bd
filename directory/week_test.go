package directory

import (
	"testing"

	"chancery.example/chancery/telegram"
)

// What news of the directory costs a post in a week, in bytes: 180 posts change 2.4 people a working day, fewer posts fewer in proportion; half come and
// half go, each issued by two administrators. Each change comes as a part by itself, which is the most it can cost, and once a month the root officers
// sign. Run it with -v for the figures.
func TestBytesAWeek(t *testing.T) {
	d := ministry(t)
	added := func(ss ...Statement) int {
		part, err := enter(t, d, ss...).Part(d.Size())
		if err != nil {
			t.Fatal(err)
		}
		return len(part)
	}
	key := Key{Ref: telegram.KeyRef{Person: 50, Key: 1}, Key: keyOf("person 50 key 1").public()}
	key.Signature = keyOf("person 50 key 1").sign(telegram.LabelKey, key.Body())
	comes := added(issuedBy(Person{Number: 50, Post: "MOSCOW", Roles: Drafter}, "MOSCOW", 1, 20, 21), issuedBy(key, "MOSCOW", 2, 20, 21))
	goes := added(issuedBy(End{of("person 23"), now(), "left"}, "MOSCOW", 1, 20, 21))
	checkpoint := len(d.end())
	for _, posts := range []int{10, 60, 180} {
		changes := 2.4 * 5 * float64(posts) / 180
		week := changes*float64(comes+goes)/2 + float64(checkpoint)*12/52
		t.Logf("%d posts: %.1f changes a week, %.0f bytes to each post, %.1f MB to all (comes %d, goes %d, checkpoint %d)", posts, changes, week, week*float64(posts)/1e6, comes, goes, checkpoint)
		if posts == 180 && week > 512<<10 {
			t.Errorf("a week of 180 posts costs each %.0f bytes", week)
		}
	}
}
