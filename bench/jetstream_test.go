package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// JetStream without Chancery: a stream that syncs every message, one who publishes in its process and one who fetches over the network. Nothing is sealed,
// nothing is kept by the receiver.

type rawStream struct {
	t        *testing.T
	way      *relay
	js       jetstream.JetStream
	far      *nats.Conn
	consumer jetstream.Consumer
	data     []byte
}

func newRawStream(t *testing.T) *rawStream {
	srv := must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, NoSigs: true, NoLog: true}))
	go srv.Start()
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not answer")
	}
	r := &rawStream{t: t, way: newRelay(t, srv.Addr().String()), data: []byte(text(bodySize))}
	near := must(nats.Connect("", nats.InProcessServer(srv)))
	r.far = must(nats.Connect("nats://"+r.way.addr(), nats.MaxReconnects(-1), nats.IgnoreDiscoveredServers()))
	t.Cleanup(func() {
		r.far.Close()
		near.Close()
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	r.js = must(jetstream.New(near, jetstream.WithPublishAsyncMaxPending(1024)))
	stream := must(r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "BEIJING", Subjects: []string{"tg.*"}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage}))
	must(stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "all", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1024}))
	r.consumer = must(must(jetstream.New(r.far)).Consumer(t.Context(), "BEIJING", "all"))
	return r
}

func (r *rawStream) publish(n int) {
	if n == 1 {
		must(r.js.Publish(r.t.Context(), "tg.1", r.data))
		return
	}
	for range n {
		must(r.js.PublishAsync("tg.1", r.data, jetstream.WithStallWait(time.Minute)))
	}
	<-r.js.PublishAsyncComplete()
}

// fetch takes and acknowledges what comes. The channel tells of an urgent message; the function ends it.
func (r *rawStream) fetch() (urgent chan struct{}, stop func()) {
	urgent = make(chan struct{})
	var once sync.Once
	c := must(r.consumer.Consume(func(m jetstream.Msg) {
		if m.Subject() == "tg.4" {
			once.Do(func() { close(urgent) })
		}
		m.Ack()
	}))
	return urgent, c.Stop
}

// settled says whether the stream has the receiver's word on all.
func (r *rawStream) settled() bool {
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	s, err := r.js.Stream(ctx, "BEIJING")
	return err == nil && s.CachedInfo().State.Msgs == 0
}

func (r *rawStream) atOnce(n int) time.Duration {
	_, stop := r.fetch()
	defer stop()
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	r.publish(n)
	wait(r.t, 200*time.Microsecond, r.settled)
	return time.Since(start)
}

func (r *rawStream) afterCut(n int) (out passage) {
	r.way.cut()
	wait(r.t, time.Millisecond, func() bool { return !r.far.IsConnected() })
	cpu := ownCPU()
	start := time.Now()
	r.publish(n)
	out.handed = time.Since(start)
	start = time.Now()
	r.way.mend()
	wait(r.t, time.Millisecond, r.far.IsConnected)
	out.back = time.Since(start)
	start = time.Now()
	must(r.js.Publish(r.t.Context(), "tg.4", r.data))
	sent := time.Now()
	urgent, stop := r.fetch()
	<-urgent
	out.urgent = time.Since(sent)
	wait(r.t, 5*time.Millisecond, r.settled)
	out.carried = time.Since(start)
	stop()
	out.cpu, out.peak = ownCPU()-cpu, peakNow()
	return out
}

// natsVersion names the server that is measured.
func natsVersion() string { return fmt.Sprintf("JetStream %s, SyncAlways", server.VERSION) }
