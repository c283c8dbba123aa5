package parity

import (
	"fmt"
	mrand "math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/settings"
	"countersign/internal/flow"
	"countersign/internal/testkit"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is one program that all twins of a test use.
type world struct {
	*testkit.Program
	t   *testing.T
	api *http.Client
}

// outcome holds what must be the same at every door.
type outcome struct {
	Decision decision
	Counted  string // the user's status, failures, misses, whether requests are stopped, whether the person signed in
	Logged   string // result, reason and factor of each row, oldest first
}

// meant lists the intended differences from the first door. holds reports whether one applies to a twin. like returns
// the other door's outcome without this difference. Any difference that is left is a bug.
var meant = []struct {
	why   string
	holds func(t *twin, d door, first, other outcome) bool
	like  func(first, other outcome) outcome
}{
	{"a door that shows no number sends a plain request, and the log says so (RULE-14)",
		func(t *twin, d door, first, other outcome) bool {
			return t.unnumbered(d) && t.policy.NumberRequired != "on" && t.ask.push()
		},
		func(first, other outcome) outcome {
			const unsent = "_unsent" // stands for a row that looks the same with and without a number
			held := row(audit.Denied, audit.FrequentAttempts, audit.FactorPush)
			other.Logged = strings.ReplaceAll(other.Logged, held, unsent)
			other.Logged = strings.ReplaceAll(other.Logged, audit.FactorPush, audit.FactorVerifiedPush)
			other.Logged = strings.ReplaceAll(other.Logged, unsent, held)
			return other
		}},
	{"stricter: where a number is demanded, a door that shows none sends no request at all, and logs that somebody tried (RULE-14)",
		func(t *twin, d door, first, other outcome) bool {
			return t.unnumbered(d) && t.policy.NumberRequired == "on" && t.ask.push() && !strings.Contains(string(other.Decision), string(allowed)) &&
				other.Logged == row(audit.Denied, audit.FactorRestricted, audit.FactorPush)
		},
		func(first, other outcome) outcome { return first }},
	{"the Universal Prompt sends requests by itself, and logs that one too many was not sent (RULE-13)",
		func(t *twin, d door, first, other outcome) bool { return !t.ask.push() },
		func(first, other outcome) outcome {
			if asked(first.Logged) == other.Logged {
				other.Logged = first.Logged
			}
			return other
		}},
	{"logged once: preauth logs that only a code of the help desk is left, auth alone logs the proof only",
		func(t *twin, d door, first, other outcome) bool { return t.straight && d.direct() },
		func(first, other outcome) outcome {
			rest := other.Logged
			for _, r := range strings.SplitAfter(first.Logged, "; ") {
				if after, ok := strings.CutPrefix(rest, r); ok {
					rest = after
				} else if r != row(audit.Denied, audit.FrequentAttempts, audit.FactorPush) && r != row(audit.Denied, audit.FactorRestricted, audit.FactorNone) && r != row(audit.Denied, audit.DenyUnenrolledUser, audit.FactorNone) &&
					r != row(audit.Denied, audit.NoActivatedAccount, audit.FactorNone) {
					return other
				}
			}
			if rest == "" {
				other.Logged = first.Logged
			}
			return other
		}},
	{"a page that was open logs what was tried with it, a call is refused before that is looked at",
		func(t *twin, d door, first, other outcome) bool {
			return t.meanwhile == disables && d.direct() && !t.ask.push()
		},
		func(first, other outcome) outcome {
			if strings.Replace(asked(first.Logged), row(audit.Denied, audit.UserDisabled, audit.FactorPasscode), row(audit.Denied, audit.UserDisabled, audit.FactorNone), 1) == other.Logged {
				other.Logged = first.Logged
			}
			return other
		}},
	{"a request that ends because its person is turned off is logged where no page tells the person (X-01)",
		func(t *twin, d door, first, other outcome) bool {
			return t.meanwhile == disables && d.direct() && t.ask.push()
		},
		func(first, other outcome) outcome {
			for _, factor := range []string{audit.FactorPush, audit.FactorVerifiedPush} {
				if strings.Replace(other.Logged, row(audit.Denied, audit.UserDisabled, factor), "", 1) == first.Logged {
					other.Logged = first.Logged
				}
			}
			return other
		}},
	{"stricter: auth alone invites nobody to set up a phone",
		func(t *twin, d door, first, other outcome) bool {
			return t.straight && d.direct() && strings.ReplaceAll(string(first.Decision), string(enrolls), string(denied)) == string(other.Decision)
		},
		func(first, other outcome) outcome {
			other.Decision = first.Decision
			return other
		}},
}

// asked removes from the first door's log the row of a request that the door itself made and that was one too many.
func asked(logged string) string {
	return strings.Replace(logged, row(audit.Denied, audit.FrequentAttempts, audit.FactorPush), "", 1)
}

// direct reports whether programs use the door without pages.
func (d door) direct() bool { return d.name != "oidc" && d.name != "frame" }

// unnumbered reports whether a door shows no number although the policy wants one.
func (t *twin) unnumbered(d door) bool {
	if t.policy.NumberEntry < 0 && t.policy.NumberRequired != "on" {
		return false
	}
	return d.plain || d.name == "menu" && (!t.numbered || t.straight || t.policy.NumberEntry < 0) || d.name == "auth" && (t.straight || t.policy.NumberEntry < 0)
}

// row is one row of the authentication log as outcome.Logged holds it.
func row(result audit.Result, reason, factor string) string {
	return fmt.Sprintf("%s %s %s; ", result, reason, factor)
}

// outcome reads from the database what the twin's attempts left, and adds their decisions d.
func (t *twin) outcome(d decision) (outcome, error) {
	o := outcome{Decision: d}
	rows, err := t.DB.Read().Authentications(t.t.Context(), audit.Query{Application: t.app.ID, Limit: 20})
	if err != nil {
		return o, err
	}
	for _, r := range rows {
		o.Logged = row(r.Result, r.Reason, r.Factor) + o.Logged
	}
	if t.userID != "" {
		u, err := t.DB.Read().UserByID(t.t.Context(), t.userID)
		if err != nil {
			return o, err
		}
		o.Counted = fmt.Sprintf("%s, %d failures, %d misses, stopped %v, signed in %v", u.Status, u.Failures, u.PushMisses, !u.PushStopped.IsZero(), u.LastLogin.After(t.person.LastLogin))
	}
	return o, nil
}

// play writes a twin of the person for every door and lets all of them make their attempts at the same time.
func (w *world) play(n int, s situation) ([]*twin, []outcome, error) {
	var through []door
	for _, d := range doors {
		if probe := (&twin{situation: s}); s.ask == wrongNumber && probe.unnumbered(d) {
			continue // this door asks nobody for a number
		}
		through = append(through, d)
	}
	twins, err := w.plant(n, s, through)
	if err != nil {
		return nil, nil, err
	}
	late := make(chan struct{})
	var asked, done sync.WaitGroup
	outcomes, errors := make([]outcome, len(twins)), make([]error, len(twins))
	for i, t := range twins {
		asked.Add(1)
		t.asked, t.late = sync.OnceFunc(asked.Done), late
		errors[i] = fmt.Errorf("the door's test ended early")
		done.Go(func() {
			defer t.asked()
			var all []string
			for n := range s.rounds {
				if n > 0 && through[i].plain {
					w.Clock.Advance(2 * time.Second) // without it this is the same call, repeated after a broken connection
				}
				d, err := through[i].knock(t)
				if err != nil {
					errors[i] = err
					return
				}
				all = append(all, string(d))
			}
			outcomes[i], errors[i] = t.outcome(decision(strings.Join(all, ", ")))
		})
	}
	asked.Wait()
	if s.ask == silence {
		w.Clock.Advance(61 * time.Second)
		if s.sweep {
			err = w.SignIn.Expire(w.t.Context())
		}
	}
	close(late)
	done.Wait()
	for i, e := range errors {
		if e != nil {
			return nil, nil, fmt.Errorf("%s: %w", through[i].name, e)
		}
	}
	return twins, outcomes, err
}

// compare returns the differences from the first door: the bugs, and the reasons of the intended ones.
func compare(twins []*twin, outcomes []outcome) (bugs []string, meantTo []string) {
	first := outcomes[0]
	for i, o := range outcomes {
		was := o
		for _, m := range meant {
			t := twins[i]
			if o != first && m.holds(t, byName(t.door), first, o) {
				if o = m.like(first, o); o == first {
					meantTo = append(meantTo, m.why)
				}
			}
		}
		if o != first {
			bugs = append(bugs, fmt.Sprintf("%-5s %+v\n      %-5s %+v", twins[0].door, first, twins[i].door, was))
		}
	}
	return bugs, meantTo
}

func byName(name string) door {
	for _, d := range doors {
		if d.name == name {
			return d
		}
	}
	return door{}
}

const lockoutThreshold = 4

func TestEveryDoorDecidesCountsAndLogsTheSame(t *testing.T) {
	seed, count := uint64(19), 210                                 // always the same situations, so that only a change of the code can fail
	if text := os.Getenv("COUNTERSIGN_PARITY_COUNT"); text != "" { // a long run uses other situations each time
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("COUNTERSIGN_PARITY_SEED"); text != "" { // to repeat a failure
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		n := count
		if strings.HasSuffix(t.Name(), "postgres") {
			n = count / 6
		}
		w := &world{Program: testkit.Start(t, database), t: t}
		w.api = w.Client()
		w.set(func(s *settings.Settings) { s.LockoutThreshold = lockoutThreshold })
		seen, differ := map[string]int{}, map[string]int{}
		r := mrand.New(mrand.NewPCG(seed, 1))
		for i := range n {
			s := invent(r, w.Clock.Now(), lockoutThreshold)
			twins, outcomes, err := w.play(i, s)
			if err != nil {
				t.Fatalf("COUNTERSIGN_PARITY_SEED=%d, situation %d: %v\n%v", seed, i, err, s)
			}
			bugs, meantTo := compare(twins, outcomes)
			for _, b := range bugs {
				t.Errorf("COUNTERSIGN_PARITY_SEED=%d, situation %d:\n      %s\n      %v", seed, i, b, s)
			}
			for _, d := range strings.Split(string(outcomes[0].Decision), ", ") {
				seen[d]++
			}
			for _, why := range meantTo {
				differ[why]++
			}
		}
		t.Logf("decisions %v, meant differences %v", seen, differ)
		if n >= 200 && (len(seen) < 4 || seen[string(allowed)] < n/10 || seen[string(denied)] < n/10) {
			t.Errorf("the situations are too much alike: %v", seen)
		}
	})
}

func (w *world) set(change func(*settings.Settings)) {
	w.t.Helper()
	err := w.DB.Write(w.t.Context(), func(st flow.Store) error {
		s, err := st.LoadSettings(w.t.Context())
		if err != nil {
			return err
		}
		change(&s)
		return st.SaveSettings(w.t.Context(), s)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
