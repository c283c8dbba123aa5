package signin_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// The reference automaton of AC-012: what may follow what.
var (
	stageAfter = map[login.Stage][]login.Stage{
		login.Open:     {login.Open, login.Allowed},
		login.Allowed:  {login.Allowed, login.Finished},
		login.Finished: {login.Finished},
		login.Refused:  {login.Refused},
	}
	final = map[transaction.State]bool{transaction.Approved: true, transaction.Denied: true, transaction.Fraud: true,
		transaction.WrongNumber: true, transaction.TimedOut: true, transaction.Cancelled: true}
)

// walk is one random walk: what the model knows of each sign-in and each request.
type walk struct {
	*flowkit.Kit
	r      *rand.Rand
	app    application.Application
	phone  *flowkit.Phone
	logins []*walked
	states map[string]transaction.State
	active bool
	events map[string]int
}

type walked struct {
	*flowkit.Login
	stage     login.Stage
	proof     account.Proof // by which it was allowed
	ticket    string
	ends      time.Time // of the ticket
	collected bool
}

// AC-012: random events of a fixed seed. COUNTERSIGN_WALK is another count for SQLite, in walks of ten thousand that each
// have a seed of their own, from COUNTERSIGN_WALK_SEED on: make long takes a million.
func TestAC012ARandomWalkNeverLeavesTheAutomaton(t *testing.T) {
	const most = 10_000 // events of one walk
	count, seed := 2500, uint64(12)
	if n, err := strconv.Atoi(os.Getenv("COUNTERSIGN_WALK")); err == nil {
		count = n
	}
	if n, err := strconv.ParseUint(os.Getenv("COUNTERSIGN_WALK_SEED"), 10, 64); err == nil {
		seed = n
	}
	for ; count > 0 && !t.Failed(); count, seed = count-most, seed+1 {
		t.Run(fmt.Sprintf("SQLite seed %d", seed), func(t *testing.T) { newWalk(t, dbtest.SQLite(t), seed).run(min(count, most)) })
	}
	t.Run("PostgreSQL", func(t *testing.T) { newWalk(t, dbtest.PostgreSQL(t), 12).run(1000) })
}

func (w *walk) run(n int) {
	steps := []func() string{w.begin, w.approve, w.approve, w.deny, w.wrongNumber, w.late, w.rightCode, w.wrongCode, w.emptyCode, w.push,
		w.finish, w.finish, w.collect, w.collectAgain, w.toggle, w.pass, w.wrongPurpose, w.anew, w.policy, w.signOut}
	for i := range n {
		if len(w.logins) == 0 {
			w.begin()
		}
		event := steps[w.r.IntN(len(steps))]()
		w.events[event]++
		if i%4 == 3 { // each look reads every sign-in and request
			w.look(fmt.Sprintf("up to event %d, %s", i, event))
		}
		if w.Failed() {
			return
		}
		if i%50 == 49 { // nobody stays shut out for the rest of the walk
			w.recover()
		}
	}
	for _, must := range []string{"approved", "right code", "finished", "collected", "denied", "wrong number", "ran out", "wrong code", "refused late", "left", "replaced", "removed", "policy", "signed out", "reported late"} {
		if w.events[must] == 0 {
			w.Errorf("in %d events there was none %q: %v", n, must, w.events)
		}
	}
}

func newWalk(t *testing.T, db flow.DB, seed uint64) *walk {
	k := flowkit.New(t, db)
	k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 5 })
	w := &walk{Kit: k, r: rand.New(rand.NewPCG(seed, 12)), states: map[string]transaction.State{}, active: true, events: map[string]int{}}
	w.app = k.Application("Payroll", func(a *application.Application) { a.Policy.Spare = policy.SpareOff })
	w.phone = k.Enrolled(w.app, "alice")
	return w
}

// look compares every sign-in and request with the automaton.
func (w *walk) look(event string) {
	shown := map[string]bool{}
	for _, l := range w.logins {
		row := l.Row()
		legal := false
		for _, next := range stageAfter[l.stage] {
			legal = legal || row.Stage == next
		}
		if !legal {
			w.Errorf("%s: a sign-in went from %s to %s", event, l.stage, row.Stage)
		}
		if row.Stage != l.stage {
			w.Errorf("%s: a sign-in became %s and the model has %s", event, row.Stage, l.stage)
		}
		if id := row.TransactionID; id != "" {
			shown[id] = true
			if _, known := w.states[id]; !known {
				w.states[id] = transaction.Pending
			}
		}
	}
	for id, was := range w.states {
		now := w.Transaction(id).State
		if final[was] && now != was {
			w.Errorf("%s: a request went from %s to %s", event, was, now)
		}
		if now == transaction.Approved && was != now {
			w.Errorf("%s: a request is approved and the model has %s", event, was)
		}
		w.states[id] = now
		if final[now] && !shown[id] {
			delete(w.states, id) // its sign-in is out of sight
		}
	}
}

// allowed notes what let a sign-in in.
func (w *walk) allowed(l *walked, factor string) {
	l.stage, l.proof = login.Allowed, account.Proof{Factor: factor, Authenticator: w.phone.KeyID, Epoch: w.Reload("alice").Epoch}
}

// holds is the slow reference of RULE-42: what let a sign-in in is still the phone's, of this epoch, and let in by policy.
func (w *walk) holds(l *walked) bool {
	u := w.Reload("alice")
	return l.proof.Epoch == u.Epoch && l.proof.Authenticator == w.phone.Row().KeyID && w.phone.Row().KeyID != "" && w.lets(l.proof.Factor) &&
		(u.Status == user.Active || u.Status == user.Bypass)
}

// lets reports whether policy lets a factor in now.
func (w *walk) lets(factor string) bool {
	method := policy.MethodPasscode
	if factor != audit.FactorAppPasscode {
		method = policy.MethodPush
	}
	return w.app.Policy.Authentication != policy.AuthenticationDeny && w.app.Policy.Allows(method)
}

// later reports a person signed out since.
func (w *walk) later(epoch int64, why string) {
	if now := w.Reload("alice").Epoch; now <= epoch {
		w.Errorf("%s leaves the epoch at %d, after %d", why, now, epoch)
	}
}

func (w *walk) any() *walked { return w.logins[w.r.IntN(len(w.logins))] }

func (w *walk) begin() string {
	l := &walked{Login: w.Begin(w.app, "alice")}
	l.stage = l.Stage()
	open := w.Reload("alice").Status == user.Active && w.app.Policy.Authentication != policy.AuthenticationDeny
	if l.stage == login.Allowed || (l.stage == login.Open) != open {
		w.Errorf("a sign-in of a user who is %s begins %s", w.Reload("alice").Status, l.stage)
	}
	if w.logins = append(w.logins, l); len(w.logins) > 6 {
		w.logins = w.logins[1:]
	}
	return "began"
}

// shown is a login and the request it shows, whatever state that is in.
func (w *walk) shown() (*walked, transaction.Transaction, bool) {
	l := w.any()
	id := l.Row().TransactionID
	if id == "" {
		return l, transaction.Transaction{}, false
	}
	return l, w.Transaction(id), true
}

func (w *walk) approve() string {
	l, t, ok := w.shown()
	if !ok || t.PhoneID != w.phone.ID {
		return "nothing to answer"
	}
	may := w.lets(t.Factor) && t.State == transaction.Pending && w.Clock.Now().Before(t.Expires) && w.Reload("alice").Status == user.Active &&
		l.stage == login.Open && w.Clock.Now().Before(l.Row().Expires)
	state, err := w.phone.Send(w.phone.Answer(t, phonewire.Approve))
	if err != nil {
		w.Errorf("an approval gives %v", err)
	}
	if (state == phonewire.StateApproved) != may {
		w.Errorf("an approval gives %s, and the model says %v: %+v", state, may, t)
	}
	if may {
		w.allowed(l, t.Factor)
		w.states[t.ID] = transaction.Approved
		return "approved"
	}
	return "refused late"
}

func (w *walk) deny() string {
	_, t, ok := w.shown()
	if !ok || t.PhoneID != w.phone.ID {
		return "nothing to answer"
	}
	epoch := w.Reload("alice").Epoch
	reason := phonewire.Mistake
	if w.r.IntN(4) == 0 {
		reason = phonewire.Fraud
	}
	state, err := w.phone.Send(w.phone.Answer(t, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = reason }))
	if err != nil || state == phonewire.StateApproved {
		w.Errorf("a denial gives %s, %v", state, err)
	}
	if reason == phonewire.Fraud && t.State != transaction.Fraud && t.Reported.IsZero() {
		w.later(epoch, "a report")
		if t.State != transaction.Pending {
			return "reported late"
		}
	}
	if t.State == transaction.Pending {
		return "denied"
	}
	return "denied late"
}

func (w *walk) wrongNumber() string {
	_, t, ok := w.shown()
	if !ok || t.Number == "" || t.PhoneID != w.phone.ID {
		return "nothing to answer"
	}
	state, err := w.phone.Send(w.phone.Answer(t, phonewire.Approve, func(a *phonewire.Answer) { a.Number = other(t.Number) }))
	if err != nil || state == phonewire.StateApproved {
		w.Errorf("a wrong number gives %s, %v", state, err)
	}
	return "wrong number"
}

func (w *walk) late() string {
	w.Clock.Advance(time.Duration(w.r.IntN(70)) * time.Second)
	w.OK(w.SignIn.Expire(context.Background()))
	return "ran out"
}

// try tries a code and lets the model follow a success.
func (w *walk) try(code string, right bool, purpose transaction.Purpose) string {
	l := w.any()
	may := right && w.lets(audit.FactorAppPasscode) && w.Reload("alice").Status == user.Active && l.stage == login.Open && w.Clock.Now().Before(l.Row().Expires)
	if err := l.Code(code, purpose); (err == nil) != may {
		w.Errorf("a code gives %v, and the model says %v", err, may)
	}
	if may {
		w.allowed(l, audit.FactorAppPasscode)
		return "right code"
	}
	if right && w.phone.Row().KeyID != "" {
		w.phone.Next = uint64(w.phone.Row().OTP.Counter) // it was not looked at
		return "right code refused"
	}
	return "wrong code"
}

func (w *walk) rightCode() string {
	w.phone.Next = uint64(w.phone.Row().OTP.Counter)
	return w.try(w.phone.Code(), true, transaction.SignIn)
}
func (w *walk) wrongCode() string { return w.try(w.phone.Wrong(), false, transaction.SignIn) }
func (w *walk) emptyCode() string { return w.try("", false, transaction.SignIn) }

func (w *walk) push() string {
	l := w.any()
	if tx, err := l.Push(transaction.SignIn); err == nil {
		if l.stage != login.Open {
			w.Errorf("a request for a sign-in that is %s", l.stage)
		}
		w.states[tx.ID] = transaction.Pending
	}
	return "pushed"
}

// wrongPurpose asks for device management where a proof of it cannot come: it must not sign anybody in.
func (w *walk) wrongPurpose() string {
	l := w.any()
	if _, err := l.Portal(); err == nil {
		w.Error("device management opened without a proof")
	}
	return "portal refused"
}

func (w *walk) finish() string {
	l := w.any()
	now := w.Clock.Now()
	active := w.Reload("alice").Status == user.Active // whose page says that they may not go on is not let through either
	may := (l.stage == login.Allowed && active && w.holds(l) || l.stage == login.Finished && !l.collected && now.Before(l.ends)) && now.Before(l.Row().Expires)
	ticket, err := l.Finish()
	if (err == nil) != may {
		w.Errorf("finishing a sign-in that is %s, collected %v, gives %v", l.stage, l.collected, err)
	}
	if may && l.stage == login.Finished && ticket.Reveal() != l.ticket {
		w.Error("a second ticket for one sign-in")
	}
	if may && l.stage == login.Allowed {
		l.stage, l.ticket, l.ends = login.Finished, ticket.Reveal(), now.Add(login.GrantLife)
	}
	if may {
		return "finished"
	}
	return "finish refused"
}

func (w *walk) collect() string {
	for _, l := range w.logins {
		if l.ticket == "" || l.collected {
			continue
		}
		inTime := w.Clock.Now().Before(l.ends)
		may := inTime && w.holds(l)
		r, err := w.SignIn.Collect(context.Background(), flowkit.Secret(l.ticket), w.app.ID)
		if (err == nil) != may || may && (r.User.Username != "alice" || r.Login.ID != l.ID) {
			w.Errorf("collecting gives %+v, %v, and the model says %v", r.Login, err, may)
		}
		if !inTime {
			l.ticket = ""
			return "collected too late"
		}
		l.collected = true // also when the user was disabled: the ticket is spent
		return "collected"
	}
	return "nothing to collect"
}

func (w *walk) collectAgain() string {
	for _, l := range w.logins {
		if l.collected {
			if _, err := w.SignIn.Collect(context.Background(), flowkit.Secret(l.ticket), w.app.ID); err == nil {
				w.Error("collected twice")
			}
			return "collected again"
		}
	}
	return "nothing to collect again"
}

// toggle disables or enables the user, as an administrator does.
func (w *walk) toggle() string {
	switch w.Reload("alice").Status {
	case user.Active:
		if w.r.IntN(4) == 0 {
			w.Status("alice", user.Disabled)
		}
	case user.Disabled:
		w.Status("alice", user.Active)
	}
	return "status"
}

// anew gives the person another app, in one of the ways there are, as somebody does whom the help desk gave a code.
func (w *walk) anew() string {
	if w.r.IntN(6) > 0 || w.Reload("alice").Status != user.Active || w.app.Policy.Authentication == policy.AuthenticationDeny {
		return "nothing new"
	}
	ctx, old, what := context.Background(), w.phone, "replaced"
	how := w.r.IntN(3)
	if how == 0 {
		what = "left"
		w.OK(old.Leave())
	}
	portal := func(code string) devices.View {
		l := w.Begin(w.app, "alice")
		w.OK(l.Code(code, transaction.Manage))
		key, err := l.Portal()
		w.OK(err)
		return w.View(key)
	}
	at := old.ID
	if how == 2 {
		at = ""
	}
	var err error
	w.phone, err = w.Claim(w.PairPortal(portal(w.BypassCode("alice")), at).Link)
	w.OK(err)
	if how == 2 {
		what = "removed"
		w.app.Policy.Methods = nil
		w.Save(w.app)
		w.OK(w.Devices.Remove(ctx, portal(w.phone.Code()), old.ID))
	}
	return what
}

// policy changes what lets in.
func (w *walk) policy() string {
	p := &w.app.Policy
	p.Methods = [][]string{nil, nil, {policy.MethodPush}, {policy.MethodPasscode}}[w.r.IntN(4)]
	p.Authentication = ""
	if w.r.IntN(4) == 0 {
		p.Authentication = policy.AuthenticationDeny
	}
	w.Save(w.app)
	return "policy"
}

func (w *walk) signOut() string {
	if w.r.IntN(4) > 0 {
		return "stayed"
	}
	epoch := w.Reload("alice").Epoch
	_, err := w.Directory.SignOut(context.Background(), directory.CommandLine, "alice")
	w.OK(err)
	w.later(epoch, "signing out")
	return "signed out"
}

func (w *walk) pass() string {
	w.Clock.Advance(time.Duration(w.r.IntN(5)) * time.Minute)
	return "waited"
}

// recover makes the user active with no count, as the help desk does.
func (w *walk) recover() {
	if w.Reload("alice").Status != user.Active {
		w.Status("alice", user.Active)
	}
	w.app.Policy.Methods, w.app.Policy.Authentication = nil, ""
	w.Save(w.app)
	l := &walked{Login: w.Begin(w.app, "alice"), stage: login.Open}
	w.phone.Next = uint64(w.phone.Row().OTP.Counter)
	w.OK(l.Code(w.phone.Code(), transaction.SignIn))
	w.allowed(l, audit.FactorAppPasscode)
	w.logins = append(w.logins[1:], l)
}
