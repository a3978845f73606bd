package bench

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/telegram"
)

// attaching sends files: how quickly, in how much memory, and how long a Flash waits behind one.
func attaching(t *testing.T, c counts) []figure {
	return append(filesBetween(t, c), flashBehindFile(t, c)...)
}

// filesBetween has the command attach a file, two served posts carry it, and the command write it again; once each way, so that each post is once the sender.
func filesBetween(t *testing.T, c counts) (figures []figure) {
	p := newProgram(t)
	file := filepath.Join(p.dir, "file.bin")
	p.lay(file, c.file)
	size := fmt.Sprintf("%d MB", c.file/1e6)
	if c.file < 1e6 {
		size = fmt.Sprintf("%d kB", c.file/1e3)
	}
	rate := func(seconds float64) float64 { return float64(c.file) / 1e6 / seconds }
	hub, _, _ := p.hub()
	far, _, _ := p.serve("beijing")
	for _, folder := range []string{"moscow", "beijing"} {
		p.answers(func() (bool, error) { return true, p.try(nil, "inbox", "--dir", folder) })
	}
	var read, sent, wrote, copied, carried []float64
	most := map[string]float64{}
	for n, leg := range []struct{ from, to string }{{"moscow", "beijing"}, {"beijing", "moscow"}} {
		idle := p.peaks(map[string]int{"moscow": hub, "beijing": far})
		took, peak := p.timed("draft", "to-"+leg.to+".txt", "--attach", "file.bin", "--dir", leg.from, "--passphrase-file", leg.from+".pass")
		read = append(read, took)
		start := time.Now()
		p.at(leg.from, nil, "release", "1", "--yes")
		for wait, end := 5*time.Millisecond, time.Now().Add(20*time.Minute); ; time.Sleep(wait) {
			var all []struct{ Verified bool }
			if err := p.try(&all, "attachment", "1", "--received", "--dir", leg.to); err == nil && len(all) == 1 && all[0].Verified {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the file did not come")
			}
			wait = min(wait*2, 200*time.Millisecond)
		}
		sent = append(sent, time.Since(start).Seconds())
		took, wrotePeak := p.timed("attachment", "1", "1", "--received", "--out", fmt.Sprintf("got-%d.bin", n), "--dir", leg.to)
		wrote = append(wrote, took)
		for who, mib := range p.since(idle) {
			most[map[bool]string{true: "sends", false: "receives"}[who == leg.from]+" "+map[bool]string{true: "with the broker in it", false: ""}[who == "moscow"]] = mib
		}
		most["attaches"], most["writes"] = max(most["attaches"], peak), max(most["writes"], wrotePeak)
		copied = append(copied, copyAndSum(t, file))
		carried = append(carried, byTCP(t, file))
	}
	nothing := p.nothing()
	figures = append(figures,
		against("attach a file of "+size+": read, seal, keep", rate(median(read)), "MB/s", "cp, sync, sha256sum", rate(median(copied))),
		against("from release to proved at the other post", rate(median(sent)), "MB/s", "AES-256-GCM over TCP, hashed, synced at the end", rate(median(carried))),
		against("write it to a file", rate(median(wrote)), "MB/s", "cp, sync, sha256sum", rate(median(copied))))
	for _, x := range []struct {
		name string
		mib  float64
	}{{"memory that it costs the post that sends", most["sends "]}, {"the post that receives", most["receives "]}, {"the command that attaches", most["attaches"] - nothing}, {"the command that writes", most["writes"] - nothing}} {
		if x.mib > -1000 && hub > 0 && len(most) > 2 {
			mib := max(x.mib, 0.01) // it can be none, and a figure of nothing would look like one that was not made
			figures = append(figures, against(x.name+", "+size, mib, "MiB", "goal", 16).goal("≤ 16 MiB", mib <= 16))
		}
	}
	for _, x := range []string{"sends", "receives"} {
		if mib, ok := most[x+" with the broker in it"]; ok {
			figures = append(figures, against(fmt.Sprintf("the post that %s, with the broker in it, %s", x, size), max(mib, 0.01), "MiB", "goal for one without", 16))
		}
	}
	return figures
}

// lay writes a file that nothing compresses, and telegrams that go with it.
func (p *program) lay(file string, size int64) {
	f := must(os.Create(file))
	must(io.CopyN(f, rand.Reader, size))
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		p.t.Fatal(err)
	}
	for _, to := range []string{"moscow", "beijing"} {
		if err := os.WriteFile(filepath.Join(p.dir, "to-"+to+".txt"), []byte("To: MINISTRY@"+strings.ToUpper(to)+"\n\nEnclosed.\n"), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// timed runs the command, and says how many seconds it took and how much memory it had at its peak, in MiB.
func (p *program) timed(args ...string) (seconds, mib float64) {
	p.t.Helper()
	cmd := exec.Command(p.path, args...)
	cmd.Dir = p.dir
	start := time.Now()
	if b, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("chancery %s: %v\n%s", strings.Join(args, " "), err, b)
	}
	seconds = time.Since(start).Seconds()
	return seconds, float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
}

// nothing is the memory of a command that asks for something small, in MiB.
func (p *program) nothing() float64 {
	_, mib := p.timed("draft", "to-beijing.txt", "--keep", "--dir", "moscow", "--passphrase-file", "moscow.pass")
	return mib
}

// before is what processes had before something, in MiB.
type before struct {
	pids map[string]int
	mib  map[string]float64
}

// peaks has the system forget the peaks of processes. It gives nothing where no system tells them.
func (p *program) peaks(pids map[string]int) (b before) {
	b = before{map[string]int{}, map[string]float64{}}
	for name, pid := range pids {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
			continue
		}
		if mib, ok := memoryOf(pid, "VmRSS"); ok {
			b.pids[name], b.mib[name] = pid, mib
		}
	}
	return b
}

// since is how much more they had at their peak since.
func (p *program) since(b before) map[string]float64 {
	more := map[string]float64{}
	for name, pid := range b.pids {
		if mib, ok := memoryOf(pid, "VmHWM"); ok {
			more[name] = mib - b.mib[name]
		}
	}
	return more
}

// copyAndSum is how long it takes to copy a file, bring it to the disk and make its SHA-256, as people do who send one by hand.
func copyAndSum(t *testing.T, file string) float64 {
	to := filepath.Join(t.TempDir(), "copy")
	start := time.Now()
	for _, args := range [][]string{{"cp", file, to}, {"sync", to}, {"sha256sum", to}} {
		if b, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, b)
		}
	}
	defer os.Remove(to)
	return time.Since(start).Seconds()
}

// byTCP is how long a file takes from disk to disk over a connection, sealed in parts of 64 KiB, hashed at both ends and on the disk at the end: what scp does, and no more.
func byTCP(t *testing.T, file string) float64 {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	gcm := must(cipher.NewGCM(must(aes.NewCipher(make([]byte, 32)))))
	start := time.Now()
	sums := make(chan []byte, 2)
	failed := make(chan error, 2)
	go func() {
		failed <- func() error {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				return err
			}
			defer conn.Close()
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			sum, buf, nonce, n := sha256.New(), make([]byte, telegram.PieceSize, telegram.SealedPiece+4), make([]byte, 12), uint64(0)
			for {
				k, err := io.ReadFull(f, buf)
				if k > 0 {
					sum.Write(buf[:k])
					binary.BigEndian.PutUint64(nonce, n)
					n++
					sealed := gcm.Seal(binary.BigEndian.AppendUint32(nil, uint32(k)+16), nonce, buf[:k], nil)
					if _, err := conn.Write(sealed); err != nil {
						return err
					}
				}
				if err == io.EOF || err == io.ErrUnexpectedEOF {
					sums <- sum.Sum(nil)
					return nil
				}
				if err != nil {
					return err
				}
			}
		}()
	}()
	go func() {
		failed <- func() error {
			conn, err := l.Accept()
			if err != nil {
				return err
			}
			defer conn.Close()
			f, err := os.Create(filepath.Join(t.TempDir(), "sent"))
			if err != nil {
				return err
			}
			defer os.Remove(f.Name())
			sum, head, nonce := sha256.New(), make([]byte, 4), make([]byte, 12)
			for n := uint64(0); ; n++ {
				if _, err := io.ReadFull(conn, head); err == io.EOF {
					sums <- sum.Sum(nil)
					return errors.Join(f.Sync(), f.Close())
				} else if err != nil {
					return err
				}
				sealed := make([]byte, binary.BigEndian.Uint32(head))
				if _, err := io.ReadFull(conn, sealed); err != nil {
					return err
				}
				binary.BigEndian.PutUint64(nonce, n)
				clear, err := gcm.Open(sealed[:0], nonce, sealed, nil)
				if err != nil {
					return err
				}
				sum.Write(clear)
				if _, err := f.Write(clear); err != nil {
					return err
				}
			}
		}()
	}()
	if err := errors.Join(<-failed, <-failed); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start).Seconds()
	if !bytes.Equal(<-sums, <-sums) {
		t.Fatal("the peer sent another file")
	}
	return took
}

// slowLine is a carrier that takes as long for what it is given as a line of so many bytes a second, and one thing at a time.
type slowLine struct {
	circuit.Carrier
	rate float64
	mu   sync.Mutex // held while something is on the line
	left time.Time  // when the turn of a Flash came; guarded by mu
}

func (s *slowLine) Send(ctx context.Context, to telegram.Route, at telegram.Precedence, es []telegram.Envelope) error {
	bytes := 0
	for i := range es {
		bytes += es[i].Size()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if es[0].Type != telegram.PartType && at == telegram.Flash && s.left.IsZero() {
		s.left = time.Now()
	}
	time.Sleep(time.Duration(float64(bytes) / s.rate * float64(time.Second)))
	return s.Carrier.Send(ctx, to, at, es)
}

// flashBehindFile measures how long a Flash, once it is released, waits for its turn on a slow line that a file has for itself.
func flashBehindFile(t *testing.T, c counts) []figure {
	moscow, beijing := ministry(t)
	for _, x := range []*desks{moscow, beijing} {
		x.config.Pieces, x.config.Section = must(pieces.OpenFolder(t.TempDir())), 32<<10
		x.reopen(0)
	}
	carriers := lines(t, moscow, beijing)
	line := &slowLine{Carrier: carriers[moscow], rate: c.line / 8}
	carriers[moscow] = line
	file := must(io.ReadAll(io.LimitReader(rand.Reader, int64(c.line/8*float64(2*c.flashes+8)))))
	moscow.enclose(file, "BEIJING")
	stop := run(t, carriers)
	defer stop()
	here := func() int { return beijing.count("select coalesce(max(here), 0) from attachment") }
	for end := time.Now().Add(time.Minute); here() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the file does not come")
		}
	}
	var waits []float64
	for range c.flashes {
		line.mu.Lock()
		line.left = time.Time{}
		line.mu.Unlock()
		start := time.Now()
		moscow.releaseText("To: MINISTRY@BEIJING; flash\n\nAt once.\n")
		for left := (time.Time{}); left.IsZero(); time.Sleep(time.Millisecond) {
			if line.mu.TryLock() {
				left = line.left
				line.mu.Unlock()
			}
			if time.Since(start) > time.Minute {
				t.Fatal("the Flash does not leave")
			}
		}
		line.mu.Lock()
		waits = append(waits, line.left.Sub(start).Seconds())
		line.mu.Unlock()
		time.Sleep(time.Duration(float64(telegram.MaxCarried) / line.rate * 1.3 * float64(time.Second)))
	}
	if beijing.count("select count(*) from attachment where state = 'checked'") != 0 {
		t.Fatal("the file was there before the last Flash: the figure means nothing")
	}
	most := 0.0
	for _, w := range waits {
		most = max(most, w)
	}
	t.Logf("%d Flashes waited %.3f s", len(waits), waits)
	piece := float64(telegram.MaxCarried+2*telegram.PartCost) / line.rate
	f := against(fmt.Sprintf("a Flash behind a file on a line of %g kbit/s: the longest of %d waits", c.line/1000, c.flashes), most, "s", "one piece on that line", piece)
	return []figure{f.goal("≤ 1 piece, and 50 ms to release it", most <= piece+0.05)}
}

// enclose lays a telegram with a file on the desk, released.
func (x *desks) enclose(file []byte, to string) {
	ctx := x.t.Context()
	id := must(x.BeginAttachment(ctx, "", int64(len(file))))
	if err := x.LoadAttachment(ctx, id, 0, file); err != nil {
		x.t.Fatal(err)
	}
	must(x.EndAttachment(ctx, id))
	x.releaseText(fmt.Sprintf("To: MINISTRY@%s\nAttached: %d file.bin\n\nEnclosed.\n", to, id))
}

// releaseText lays one telegram on the desk, released.
func (x *desks) releaseText(draft string) {
	x.releaseForm(must(desk.ParseForm(strings.NewReader(draft))))
}
