package bus

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func wakes(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: no ring", what)
	}
}

func silent(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
		t.Fatalf("%s: a ring", what)
	default:
	}
}

func TestARingWakesTheListenersOfItsTopicOnly(t *testing.T) {
	var h Hub
	a, stopA := h.Listen("a")
	again, stopAgain := h.Listen("a")
	b, stopB := h.Listen("b")
	defer stopB()
	h.Ring("a", "nobody")
	wakes(t, a, "first listener")
	wakes(t, again, "second listener")
	silent(t, b, "another topic")
	stopA()
	stopA() // twice is once
	h.Ring("a")
	silent(t, a, "stopped listener")
	wakes(t, again, "remaining listener")
	stopAgain()
}

func TestRingsNobodyHasSeenYetAreOne(t *testing.T) {
	var h Hub
	c, stop := h.Listen("a")
	defer stop()
	for range 1000 {
		h.Ring("a") // does not block
	}
	wakes(t, c, "listener")
	silent(t, c, "listener again")
}

func TestStoppedListenersLeaveNothingBehind(t *testing.T) {
	var h Hub
	var all sync.WaitGroup
	for i := range 200 {
		all.Add(1)
		go func() {
			defer all.Done()
			topic := fmt.Sprint("login:", i%50)
			c, stop := h.Listen(topic)
			h.Ring(topic)
			<-c
			stop()
		}()
	}
	all.Wait()
	for i := range h.shards {
		if n := len(h.shards[i].topics); n != 0 {
			t.Fatalf("shard %d keeps %d topics", i, n)
		}
	}
}

func open(t *testing.T, dsn string) *Postgres {
	t.Helper()
	p, err := Open(context.Background(), dsn, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestARingIsHeardOnAnotherNode(t *testing.T) {
	dsn := pgtest.New(t)
	one, two := open(t, dsn), open(t, dsn)
	here, stopHere := one.Listen("login:1")
	defer stopHere()
	there, stopThere := two.Listen("login:1")
	defer stopThere()
	other, stopOther := two.Listen("login:2")
	defer stopOther()
	one.Ring("login:1")
	wakes(t, here, "same node")
	wakes(t, there, "other node")
	silent(t, other, "other topic on the other node")
}

func TestWhatWasRungJustBeforeTheEndIsHeard(t *testing.T) {
	dsn := pgtest.New(t)
	two := open(t, dsn)
	for i := range 20 {
		topic := fmt.Sprint("login:", i)
		c, stop := two.Listen(topic)
		one, err := Open(context.Background(), dsn, nil)
		if err != nil {
			t.Fatal(err)
		}
		one.Ring(topic)
		if err := one.Close(); err != nil {
			t.Fatal(err)
		}
		wakes(t, c, topic)
		stop()
	}
}

func TestManyRingsAtOnceAllArrive(t *testing.T) {
	dsn := pgtest.New(t)
	one, two := open(t, dsn), open(t, dsn)
	const n = 1000
	listeners := make([]<-chan struct{}, n)
	topics := make([]string, n)
	for i := range n {
		topics[i] = fmt.Sprintf("transaction:%040d", i) // 52 KB in all: several messages
		c, stop := two.Listen(topics[i])
		defer stop()
		listeners[i] = c
	}
	for i := 0; i < n; i += 10 {
		one.Ring(topics[i : i+10]...)
	}
	for i, c := range listeners {
		wakes(t, c, topics[i])
	}
}

func TestMoreRingsThanFitRingEverybody(t *testing.T) {
	dsn := pgtest.New(t)
	one, two := open(t, dsn), open(t, dsn)
	c, stop := two.Listen("unrelated")
	defer stop()
	flood := make([]string, maxQueued+1)
	for i := range flood {
		flood[i] = fmt.Sprint(i)
	}
	one.Ring(flood...)
	wakes(t, c, "listener of any topic")
}

func TestAfterALostConnectionRingsAreHeardAgain(t *testing.T) {
	dsn := pgtest.New(t)
	one, two := open(t, dsn), open(t, dsn)
	c, stop := two.Listen("login:1")
	defer stop()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var n int
	err = conn.QueryRow(context.Background(), `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE application_name = 'countersign bell' AND datname = current_database()`).Scan(&n)
	if err != nil || n < 2 {
		t.Fatalf("ended %d connections: %v", n, err)
	}
	wakes(t, c, "everybody is rung for what was missed")
	// From here on ordinary rings arrive. The loop is needed only until the other node has connected again too.
	deadline := time.Now().Add(30 * time.Second)
	for {
		one.Ring("login:1")
		select {
		case <-c:
			return
		case <-time.After(100 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("no ring after the reconnection")
			}
		}
	}
}

func TestOpenFailsClearlyWithoutADatabase(t *testing.T) {
	if _, err := Open(context.Background(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable", nil); err == nil {
		t.Fatal("opened")
	}
}

func BenchmarkRingAmongTenThousandListeners(b *testing.B) {
	var h Hub
	topics := make([]string, 10_000)
	for i := range topics {
		topics[i] = fmt.Sprint("login:", i)
		_, stop := h.Listen(topics[i])
		defer stop()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Ring(topics[i%len(topics)])
	}
}
