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
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/telegram"
)

// enclosedCounts say what is sent with how long a file.
type enclosedCounts struct {
	file    int64   // bytes of it
	line    float64 // bits a second of a slow line
	flashes int     // that are sent behind a file on it
}

// attaching sends files: how quickly, in how much memory, and how long a Flash waits behind one.
func attaching(t *testing.T, c counts) []figure {
	return append(filesBetween(t, c.enclosed), flashBehindFile(t, c.enclosed)...)
}

// sendFiles is two served posts between which files go, both ways, so that each post is once the sender.
type sendFiles struct {
	*program
	pids               map[string]int
	sent               int                // files that each has sent
	read, moved, wrote []float64          // seconds of each step, of the last files
	peak               map[string]float64 // MiB of each process at its peak, with the last files
}

// filesBetween has the command attach a file, two served posts carry it, and the command write it again. Memory is what that takes at its peak beyond what a
// file of one byte takes.
func filesBetween(t *testing.T, c enclosedCounts) (figures []figure) {
	p := newProgram(t)
	p.lay("short.bin", 1)
	p.lay("long.bin", c.file)
	size := fmt.Sprintf("%d MB", c.file/1e6)
	if c.file < 1e6 {
		size = fmt.Sprintf("%d kB", c.file/1e3)
	}
	s := &sendFiles{program: p, pids: map[string]int{}}
	var stopHub, stopFar func()
	s.pids["moscow"], _, stopHub = p.hub()
	s.pids["beijing"], _, stopFar = p.serve("beijing")
	for folder := range s.pids {
		p.answers(func() (bool, error) { return true, p.try(nil, "inbox", "--dir", folder) })
	}
	s.bothWays("short.bin")
	short := s.peak
	s.bothWays("long.bin")
	stopFar()
	stopHub()
	long := filepath.Join(p.dir, "long.bin")
	var copied, carried []float64
	for range 2 {
		copied, carried = append(copied, copyAndSum(t, long)), append(carried, byTCP(t, long))
	}
	rate := func(seconds []float64) float64 { return float64(c.file) / 1e6 / median(seconds) }
	figures = append(figures,
		against("attach a file of "+size+": read, seal, keep", rate(s.read), "MB/s", "cp, sync, sha256sum", rate(copied)),
		against("from release to proved at the other post", rate(s.moved), "MB/s", "AES-256-GCM over TCP, hashed, synced at the end", rate(carried)),
		against("write it to a file", rate(s.wrote), "MB/s", "cp, sync, sha256sum", rate(copied)))
	for _, who := range []string{"the post that sends", "the post that receives", "the post that sends, with the broker in it", "the post that receives, with the broker in it", "the command that attaches", "the command that writes"} {
		if s.peak[who] == 0 { // this system does not say
			continue
		}
		// It can be none, and a figure of nothing would look like one that was not made.
		mib := max(s.peak[who]-short[who], 0.01)
		f := against(fmt.Sprintf("memory of %s, beyond that with a file of one byte, %s", who, size), mib, "MiB", "goal", 16)
		if !strings.Contains(who, "broker") { // whose buffers no file changes much, and none of ours bounds
			f = f.goal("≤ 16 MiB", mib <= 16)
		}
		figures = append(figures, f)
	}
	return figures
}

// bothWays sends a file from each post to the other.
func (s *sendFiles) bothWays(file string) {
	s.read, s.moved, s.wrote, s.peak = nil, nil, nil, map[string]float64{}
	s.sent++
	number := fmt.Sprint(s.sent)
	for _, leg := range []struct{ from, to string }{{"moscow", "beijing"}, {"beijing", "moscow"}} {
		for _, pid := range s.pids {
			_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // the system forgets its peak
		}
		s.timed(&s.read, "the command that attaches", "draft", "to-"+leg.to+".txt", "--attach", file, "--dir", leg.from, "--passphrase-file", leg.from+".pass")
		start := time.Now()
		s.at(leg.from, nil, "release", number, "--yes")
		for wait := 5 * time.Millisecond; ; time.Sleep(wait) {
			var all []struct{ Verified bool }
			if err := s.try(&all, "attachment", number, "--received", "--dir", leg.to); err == nil && len(all) == 1 && all[0].Verified {
				break
			}
			if time.Since(start) > 20*time.Minute {
				s.t.Fatal("the file did not come")
			}
			wait = min(wait*2, 200*time.Millisecond)
		}
		s.moved = append(s.moved, time.Since(start).Seconds())
		s.timed(&s.wrote, "the command that writes", "attachment", number, "1", "--received", "--out", number+leg.to, "--dir", leg.to)
		for name, pid := range s.pids {
			who := "the post that receives"
			if name == leg.from {
				who = "the post that sends"
			}
			if name == "moscow" {
				who += ", with the broker in it"
			}
			if mib, ok := statusOf(pid, "VmHWM"); ok {
				s.peak[who] = mib
			}
		}
	}
}

// lay writes a file that nothing compresses, and telegrams that go with it.
func (p *program) lay(file string, size int64) {
	f := must(os.Create(filepath.Join(p.dir, file)))
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

// timed runs the command, and notes how many seconds it took and how much memory it had at its peak.
func (s *sendFiles) timed(took *[]float64, who string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(s.path, args...)
	cmd.Dir = s.dir
	start := time.Now()
	if b, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("chancery %s: %v\n%s", strings.Join(args, " "), err, b)
	}
	*took = append(*took, time.Since(start).Seconds())
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.peak[who] = max(s.peak[who], float64(u.Maxrss)/1024)
	}
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

// flashBehindFile measures how much longer a Flash, once it is released, waits for its turn on a slow line that a file has for itself, than on one that is free.
func flashBehindFile(t *testing.T, c enclosedCounts) []figure {
	moscow, beijing := ministry(t)
	for _, x := range []*desks{moscow, beijing} {
		x.config.Pieces, x.config.Section = must(pieces.OpenFolder(t.TempDir())), 32<<10
		x.reopen(0)
	}
	carriers := lines(t, moscow, beijing)
	line := &slowLine{Carrier: carriers[moscow], rate: c.line / 8}
	carriers[moscow] = line
	stop := run(t, carriers)
	defer stop()
	piece := float64(telegram.MaxCarried+2*telegram.PartCost) / line.rate
	longest := func() (most float64) {
		for range c.flashes {
			most = max(most, line.flash(moscow))
			time.Sleep(time.Duration(1.3 * piece * float64(time.Second)))
		}
		return most
	}
	free := longest()
	moscow.enclose(must(io.ReadAll(io.LimitReader(rand.Reader, int64(line.rate*float64(4*c.flashes+10))))), "BEIJING")
	for start := time.Now(); beijing.count("select coalesce(max(here), 0) from attachment") < 2; time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("the file does not come")
		}
	}
	busy := longest()
	if beijing.count("select count(*) from attachment where state = 'checked'") != 0 {
		t.Fatal("the file was there before the last Flash: the figure means nothing")
	}
	t.Logf("of %d Flashes the longest wait was %.3f s on a free line, %.3f s behind a file", c.flashes, free, busy)
	behind := max(busy-free, 1e-4)
	f := against(fmt.Sprintf("a Flash behind a file on a line of %g kbit/s: the longest of %d waits, less that on a free line", c.line/1000, c.flashes), behind, "s", "one piece on that line", piece)
	return []figure{f.goal("≤ 1 piece", behind <= piece)}
}

// flash releases one, and says how many seconds later its turn came.
func (s *slowLine) flash(x *desks) float64 {
	s.mu.Lock()
	s.left = time.Time{}
	s.mu.Unlock()
	start := time.Now()
	x.releaseAs(1, "To: MINISTRY@BEIJING; flash\n\nAt once.\n")
	for time.Since(start) < time.Minute {
		time.Sleep(time.Millisecond)
		s.mu.Lock()
		left := s.left
		s.mu.Unlock()
		if !left.IsZero() {
			return left.Sub(start).Seconds()
		}
	}
	x.t.Fatal("the Flash does not leave")
	return 0
}

// enclose lays a telegram with a file on the desk, released.
func (x *desks) enclose(file []byte, to string) {
	ctx := x.t.Context()
	id := must(x.BeginAttachment(ctx, "", int64(len(file))))
	if err := x.LoadAttachment(ctx, id, 0, file); err != nil {
		x.t.Fatal(err)
	}
	must(x.EndAttachment(ctx, id))
	x.releaseAs(1, fmt.Sprintf("To: MINISTRY@%s\nAttached: %d file.bin\n\nEnclosed.\n", to, id))
}
