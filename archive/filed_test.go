package archive_test

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

func filed(id int64, way archive.Way, number uint32, post string, serial uint32) archive.Filed {
	return archive.Filed{ID: id, Way: way, Year: 2026, Number: number, Post: post, Serial: serial, Precedence: telegram.Flash,
		Root: telegram.Root{1, byte(id)}, Body: []byte{2, byte(id)}, At: 1796636400 + id}
}

func write(t testing.TB, db *store.DB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func file(t testing.TB, db *store.DB, fs ...archive.Filed) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		for i := range fs {
			if err := archive.File(tx, &fs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestFiledIsReadBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		out, in, in2 := filed(1, archive.Out, 23343, "MOSCOW", 0), filed(2, archive.In, 7, "ПЕКИН", 2522), filed(3, archive.In, 8, "LIMA", 2522)
		out.Local = []byte("copies")
		in.Number, in.Serial, in.Precedence, in.At = math.MaxUint32, math.MaxUint32, telegram.Deferred, -1
		file(t, db, out, in, in2)
		for name, c := range map[string]struct {
			want archive.Filed
			read func(tx *store.Tx) (*archive.Filed, error)
		}{
			"by row":             {out, func(tx *store.Tx) (*archive.Filed, error) { return archive.Get(tx, 1) }},
			"by register number": {out, func(tx *store.Tx) (*archive.Filed, error) { return archive.ByNumber(tx, archive.Out, 2026, 23343) }},
			"by incoming number": {in, func(tx *store.Tx) (*archive.Filed, error) {
				return archive.ByNumber(tx, archive.In, 2026, math.MaxUint32)
			}},
			"by serial":    {in, func(tx *store.Tx) (*archive.Filed, error) { return archive.BySerial(tx, "ПЕКИН", math.MaxUint32) }},
			"by another's": {in2, func(tx *store.Tx) (*archive.Filed, error) { return archive.BySerial(tx, "LIMA", 2522) }},
		} {
			write(t, db, func(tx *store.Tx) error {
				got, err := c.read(tx)
				if err == nil && !reflect.DeepEqual(*got, c.want) {
					t.Errorf("%s it is\n%+v\nwant\n%+v", name, *got, c.want)
				}
				return err
			})
		}
	})
}

func TestNotFiledHere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		file(t, db, filed(1, archive.Out, 5, "MOSCOW", 0), filed(2, archive.In, 6, "LIMA", 9))
		for name, read := range map[string]func(tx *store.Tx) (*archive.Filed, error){
			"row":          func(tx *store.Tx) (*archive.Filed, error) { return archive.Get(tx, 3) },
			"number":       func(tx *store.Tx) (*archive.Filed, error) { return archive.ByNumber(tx, archive.Out, 2026, 6) },
			"way":          func(tx *store.Tx) (*archive.Filed, error) { return archive.ByNumber(tx, archive.In, 2026, 5) },
			"year":         func(tx *store.Tx) (*archive.Filed, error) { return archive.ByNumber(tx, archive.Out, 2025, 5) },
			"serial":       func(tx *store.Tx) (*archive.Filed, error) { return archive.BySerial(tx, "LIMA", 8) },
			"post":         func(tx *store.Tx) (*archive.Filed, error) { return archive.BySerial(tx, "OSLO", 9) },
			"what we sent": func(tx *store.Tx) (*archive.Filed, error) { return archive.BySerial(tx, "MOSCOW", 0) },
		} {
			err := db.Read(t.Context(), func(tx *store.Tx) error { _, err := read(tx); return err })
			if !errors.Is(err, archive.ErrNone) {
				t.Errorf("another %s gives %v", name, err)
			}
		}
	})
}

// A telegram is filed once: under its row, under the post's number, under the sender's serial.
func TestFiledOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		file(t, db, filed(1, archive.Out, 5, "MOSCOW", 0), filed(2, archive.In, 5, "LIMA", 9))
		for name, f := range map[string]archive.Filed{
			"its row":                  filed(1, archive.Out, 6, "MOSCOW", 0),
			"its register number":      filed(3, archive.Out, 5, "MOSCOW", 0),
			"its incoming number":      filed(3, archive.In, 5, "OSLO", 1),
			"the sender's serial":      filed(3, archive.In, 6, "LIMA", 9),
			"a way that is no way":     filed(3, "over", 6, "LIMA", 10),
			"the serial, another year": {ID: 3, Way: archive.In, Year: 2027, Number: 5, Post: "LIMA", Serial: 9, Body: []byte{1}},
		} {
			if err := db.Write(t.Context(), func(tx *store.Tx) error { return archive.File(tx, &f) }); err == nil {
				t.Errorf("%s is given twice", name)
			}
		}
		other := filed(4, archive.Out, 5, "MOSCOW", 0)
		other.Year = 2027
		file(t, db, filed(3, archive.Out, 6, "MOSCOW", 0), other, filed(5, archive.In, 6, "OSLO", 9))
	})
}

func TestNewest(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for i := range int64(5) {
			file(t, db, filed(2*i+1, archive.Out, uint32(i+1), "MOSCOW", 0), filed(2*i+2, archive.In, uint32(i+1), "LIMA", uint32(i+1)))
		}
		write(t, db, func(tx *store.Tx) error {
			for _, c := range []struct {
				way   archive.Way
				limit int
				want  []int64
			}{{archive.Out, 2, []int64{9, 7}}, {archive.In, 10, []int64{10, 8, 6, 4, 2}}, {archive.In, 0, nil}} {
				fs, err := archive.Newest(tx, c.way, c.limit)
				if err != nil {
					return err
				}
				var ids []int64
				for _, f := range fs {
					ids = append(ids, f.ID)
				}
				if !reflect.DeepEqual(ids, c.want) {
					t.Errorf("the newest %d %s are %v, want %v", c.limit, c.way, ids, c.want)
				}
			}
			return nil
		})
	})
}

func TestRowNumbersRise(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for want := range int64(3) {
			write(t, db, func(tx *store.Tx) error {
				id, err := archive.NextID(tx)
				if id != want+1 {
					t.Errorf("the row is %d, want %d", id, want+1)
				}
				return err
			})
		}
		if archive.Place(1) == archive.LocalPlace(1) || archive.Place(1) == archive.Place(11) {
			t.Error("two things are kept in one place")
		}
	})
}
