package attempt_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/domain/transaction"
)

// node is a door's memory of its calls; each beginning has the next number.
type node struct {
	*attempt.Retries
	*testing.T
	begun int
	mu    sync.Mutex
	ended map[string]bool // requests that were answered
}

// in runs a test in a bubble, whose clock moves by itself when everybody waits.
func in(t *testing.T, test func(n *node)) {
	synctest.Test(t, func(t *testing.T) {
		n := &node{Retries: &attempt.Retries{Now: time.Now}, T: t, ended: map[string]bool{}}
		test(n)
	})
}

type caller struct {
	*node
	way *attempt.Connection
	cut context.CancelCauseFunc
	b   attempt.Beginning
	err error
}

func (n *node) caller() *caller {
	ctx, cut := context.WithCancelCause(n.Context())
	return &caller{node: n, way: n.Connect(ctx), cut: cut}
}

// begin makes the call; a request waits for its person, a code is decided.
func (c *caller) begin(identity string, dated, request bool) *caller {
	c.b, c.err = c.way.Begin(attempt.Once{Identity: identity, Dated: dated,
		Start: func() (attempt.Beginning, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.begun++
			t := transaction.Transaction{ID: fmt.Sprint(c.begun), State: transaction.Approved}
			if request {
				t.State = transaction.Pending
			}
			return attempt.Beginning{TxID: t.ID, Transaction: t}, nil
		},
		Waits: func(t transaction.Transaction) bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return !c.ended[t.ID]
		},
	})
	return c
}

// leave cuts the connection before the answer is written.
func (c *caller) leave() {
	c.Helper()
	c.cut(nil)
	synctest.Wait()
	if c.way.Answer() {
		c.Error("an answer was written to a broken connection")
	}
}

func (c *caller) answered() *caller {
	c.Helper()
	if !c.way.Answer() {
		c.Error("no answer was written to a sound connection")
	}
	return c
}

func (c *caller) gets(txid string) *caller {
	c.Helper()
	if c.err != nil || c.b.TxID != txid {
		c.Errorf("got %q, %v; want %s", c.b.TxID, c.err, txid)
	}
	return c
}

func TestTheRetryOfABrokenCallGetsItsBeginning(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", false, false).gets("1").leave()
		time.Sleep(9 * time.Second)
		n.caller().begin("b", false, false).gets("2").answered()
		n.caller().begin("a", false, false).gets("1").answered()
		n.caller().begin("a", false, false).gets("3").answered()
	})
}

func TestARetryTenSecondsLaterIsAnotherSignIn(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", false, false).gets("1").leave()
		time.Sleep(10 * time.Second)
		n.caller().begin("a", false, false).gets("2").answered()
	})
}

func TestASignInIsTakenOverTwice(t *testing.T) {
	in(t, func(n *node) {
		for range 3 {
			n.caller().begin("a", false, true).gets("1").leave()
		}
		n.caller().begin("a", false, true).gets("2").answered()
	})
}

func TestARetryMayComeBeforeItsBrokenConnectionIsNoticed(t *testing.T) {
	in(t, func(n *node) {
		first := n.caller().begin("a", false, true).gets("1")
		go func() {
			time.Sleep(200 * time.Millisecond)
			first.cut(nil)
		}()
		n.caller().begin("a", false, true).gets("1").answered()
	})
}

func TestACallBesideOneThatIsAliveIsAnotherSignIn(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", false, true).gets("1")
		before := time.Now()
		n.caller().begin("a", false, true).gets("2")
		if took := time.Since(before); took != 300*time.Millisecond {
			t.Errorf("after %s", took)
		}
	})
}

func TestOneRetryAtATimeTakesOver(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", false, false).gets("1").leave()
		two := n.caller().begin("a", false, false).gets("1")
		var three *caller
		var all sync.WaitGroup
		all.Go(func() { three = n.caller().begin("a", false, false) })
		synctest.Wait()
		two.answered()
		all.Wait()
		three.gets("2").answered()
	})
}

func TestAnAnswerThatCouldNotBeWrittenDidNotGetOut(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", false, false).gets("1").answered().way.Failed()
		n.caller().begin("a", false, false).gets("1").answered()
	})
}

func TestWhenTheProgramStopsItsCallersGetTheirAnswers(t *testing.T) {
	in(t, func(n *node) {
		c := n.caller().begin("a", false, false).gets("1")
		c.cut(http.ErrServerClosed)
		synctest.Wait()
		c.answered()
		n.caller().begin("a", false, false).gets("2").answered()
	})
}

func TestDatedCallsShareARequestThatWaits(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", true, true).gets("1") // alive
		n.caller().begin("a", true, true).gets("1").answered()
		n.caller().begin("a", true, true).gets("1").answered()
		n.ended["1"] = true
		n.caller().begin("a", true, true).gets("2").answered()
		time.Sleep(10 * time.Second)
		n.caller().begin("a", true, true).gets("3").answered()
	})
}

func TestDatedCallsDoNotShareACode(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", true, false).gets("1").answered()
		n.caller().begin("a", true, false).gets("2").answered()
	})
}

func TestWhatWasNotDecidedIsBegunAnew(t *testing.T) {
	in(t, func(n *node) {
		one := n.caller()
		failed := errors.New("the database is lost")
		wait := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_, one.err = one.way.Begin(attempt.Once{Identity: "a", Start: func() (attempt.Beginning, error) {
				<-wait
				return attempt.Beginning{}, failed
			}})
		})
		synctest.Wait()
		one.leave()
		var two *caller
		all.Go(func() { two = n.caller().begin("a", false, false) })
		synctest.Wait()
		close(wait)
		all.Wait()
		two.gets("1").answered()
		if !errors.Is(one.err, failed) {
			t.Error(one.err)
		}
	})
}

func TestACallerWhoLeavesWhileWaitingBeginsNothing(t *testing.T) {
	in(t, func(n *node) {
		n.caller().begin("a", false, true).gets("1")
		two := n.caller()
		go func() {
			time.Sleep(100 * time.Millisecond)
			two.cut(nil)
		}()
		if two.begin("a", false, true); !errors.Is(two.err, attempt.ErrGone) || n.begun != 1 {
			t.Errorf("%v, %d begun", two.err, n.begun)
		}
	})
}

func TestOfFiftyCallsAtOnceEachIsItsOwn(t *testing.T) {
	in(t, func(n *node) {
		var all sync.WaitGroup
		seen := sync.Map{}
		for range 50 {
			all.Go(func() {
				c := n.caller().begin("a", false, false)
				if _, twice := seen.LoadOrStore(c.b.TxID, true); twice || c.err != nil {
					t.Errorf("%s, %v", c.b.TxID, c.err)
				}
				c.answered()
			})
		}
		all.Wait()
	})
}
