package signin

import (
	"cmp"
	"context"
	"errors"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/id"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Limits on requests (RULE-13).
const (
	MaxOpen        = 2
	MaxMissed      = 5 // within MissedWindow
	MissedWindow   = 10 * time.Minute
	MaxMissedInAll = 10 // since the last success
)

var (
	// ErrPushLimit reports a user with as many requests open as are allowed.
	ErrPushLimit = errs.New(errs.Limited, "push.limit")
	// ErrPushStorm reports that requests are stopped until another way succeeds (AC-039).
	ErrPushStorm = errs.New(errs.Limited, "push.storm")
	// ErrNoWay reports a way that is not the user's, or not usable now.
	ErrNoWay = errs.New(errs.Invalid, "way.none")
)

// Start sends a request to the device of a way, replacing the login's request on show. Errors: ErrNoWay, ErrPushLimit,
// ErrPushStorm, user.ErrLocked, login.ErrStale.
func (f *Flow) Start(ctx context.Context, s Session, wayID string, purpose transaction.Purpose) (transaction.Transaction, error) {
	way, ok := s.Way(wayID)
	if !ok || !way.Factor().Rings() {
		return transaction.Transaction{}, ErrNoWay
	}
	if !f.open(s, purpose) {
		return transaction.Transaction{}, login.ErrStale
	}
	var t transaction.Transaction
	err := f.refusals(ctx, func(st Store) (err error) {
		t, err = f.openRequest(ctx, st, s, way, purpose)
		return err
	})
	if err != nil {
		return transaction.Transaction{}, stale(err)
	}
	f.ring(s, t)
	return t, nil
}

// open reports whether a proof for the purpose may still be given in this login.
func (f *Flow) open(s Session, purpose transaction.Purpose) bool {
	if s.User.ID == "" || !f.now().Before(s.Login.Expires) {
		return false
	}
	if purpose == transaction.Manage {
		return s.Login.Stage == login.Open || s.Login.Stage == login.Allowed
	}
	return s.Login.Stage == login.Open
}

// openRequest creates the transaction within the limits and puts it on show. It runs inside the caller's database
// transaction. ErrPolicy, user.ErrLocked, ErrPushLimit, ErrPushStorm, ErrNoWay.
func (f *Flow) openRequest(ctx context.Context, st Store, s Session, way Way, purpose transaction.Purpose) (transaction.Transaction, error) {
	none := transaction.Transaction{}
	s, err := f.hold(ctx, st, s)
	if err != nil {
		return none, err
	}
	if purpose != transaction.SignIn {
		demand, err := factor.DemandOf(ctx, st, s.Settings.Policy)
		if err != nil {
			return none, err
		}
		s.Policy, s.Ways = demand.Raise(s.Policy), demand.Ways(s.Ways)
	}
	p, err := f.ready(ctx, st, s, way)
	if err != nil {
		return none, err
	}
	t, err := f.newRequest(ctx, st, s, way.Factor(), p, purpose)
	if err != nil {
		return none, err
	}
	return t, st.ShowTransaction(ctx, s.Login.ID, t.ID, purpose == transaction.Manage)
}

// hold locks the account's row and gives the session as it is now: person, devices, application and policy are read by the
// change that decides. ErrPolicy, user.ErrLocked.
func (f *Flow) hold(ctx context.Context, st Store, s Session) (Session, error) {
	v, err := st.LockAt(ctx, s.User.ID, s.Application.ID)
	if err != nil {
		return s, err
	}
	s = s.as(v)
	if s.closed() {
		return s, cmp.Or(f.refuseByPolicy(ctx, st, s), error(ErrPolicy))
	}
	return s, s.User.Refusal()
}

// ready gives the device of a way that may be asked now, within the limits on requests. The session is held.
func (f *Flow) ready(ctx context.Context, st Store, s Session, way Way) (phone.Phone, error) {
	u, err := f.closeOld(ctx, st, s, s.User)
	if err != nil {
		return phone.Phone{}, err
	}
	if err := f.limited(ctx, st, s, u, way.Factor()); err != nil {
		return phone.Phone{}, err
	}
	if _, usable := s.Way(way.ID); !usable {
		return phone.Phone{}, ErrNoWay
	}
	for _, p := range s.Phones {
		if p.ID == way.PhoneID && way.Factor().Request.Ready(p) {
			return p, nil
		}
	}
	return phone.Phone{}, ErrNoWay
}

// newRequest writes a transaction for a phone. Its number differs from every other open one's.
func (f *Flow) newRequest(ctx context.Context, st flow.RequestStore, s Session, by *factor.Factor, p phone.Phone, purpose transaction.Purpose) (transaction.Transaction, error) {
	now := f.now()
	t := transaction.Transaction{
		ID: id.UUID(f.rand), UserID: p.UserID, Username: s.Login.Username,
		ApplicationID: s.Application.ID, Application: s.Application.Name,
		PhoneID: p.ID, LoginID: s.Login.ID, Purpose: purpose, State: transaction.Pending,
		IP: s.Login.IP, Client: describeClient(s.Login.UserAgent),
		Created: now, Expires: now.Add(transaction.Life), Unreachable: !by.Request.Awake(p),
	}
	if digits := by.Request.Digits(s.Policy); digits > 0 {
		others, err := st.OpenTransactionsOf(ctx, p.UserID, "", "")
		if err != nil {
			return t, err
		}
		taken := map[string]bool{}
		for _, o := range others {
			taken[o.Number] = true
		}
		for t.Number == "" || taken[t.Number] {
			t.Number = id.Digits(f.rand, digits)
		}
	}
	t.Factor = by.LogName(t.Number)
	return t, st.CreateTransaction(ctx, t)
}

// closeOld expires the user's overdue requests and cancels this login's own one, if it is still open:
// one login has one request on show. It gives the user, whose row is locked, as that left them.
func (f *Flow) closeOld(ctx context.Context, st Store, s Session, u user.User) (user.User, error) {
	overdue, err := st.OverdueTransactions(ctx, u.ID, f.now(), 100)
	if err != nil {
		return u, err
	}
	for _, t := range overdue {
		if err := f.end(ctx, st, t, transaction.TimedOut); err != nil {
			return u, err
		}
	}
	var mine []transaction.Transaction
	if s.Login.TransactionID != "" {
		if mine, err = st.OpenTransactionsOf(ctx, "", s.Login.ID, ""); err != nil {
			return u, err
		}
	}
	for _, t := range mine {
		if err := f.end(ctx, st, t, transaction.Cancelled); err != nil {
			return u, err
		}
	}
	if len(overdue)+len(mine) == 0 {
		return u, nil
	}
	return st.AccountByID(ctx, u.ID)
}

// end settles a request that waits no longer.
func (f *Flow) end(ctx context.Context, st Store, t transaction.Transaction, to transaction.State) error {
	v, err := st.SnapshotByRequest(ctx, t.ID)
	if err == nil {
		_, err = f.settle(ctx, st, v, to)
	}
	return err
}

// limited is withinLimits that logs a refusal.
func (f *Flow) limited(ctx context.Context, st Store, s Session, u user.User, by *factor.Factor) error {
	refused := f.withinLimits(ctx, st, u)
	if refused == nil || errs.KindOf(refused) != errs.Limited {
		return refused
	}
	if err := f.noteRefused(ctx, st, s, by, audit.FrequentAttempts); err != nil {
		return err
	}
	return refused
}

// MaySend reports whether Start would send a request now: ErrPushLimit or ErrPushStorm when it would not, so that a page
// need not offer what fails. It changes nothing.
func (f *Flow) MaySend(ctx context.Context, s Session) error {
	open, missed, err := f.requestsOf(ctx, f.db.Read(), s.User)
	if err != nil {
		return err
	}
	if t := s.Transaction; t.State == transaction.Pending { // a new one takes its place
		open, missed = open-1, missed+1
	}
	return overLimits(s.User, open, missed)
}

// requestsOf counts the open requests of a user and those that were not approved since the window or the last success.
func (f *Flow) requestsOf(ctx context.Context, st Store, u user.User) (open, missed int, err error) {
	since := f.now().Add(-MissedWindow)
	if u.LastLogin.After(since) {
		since = u.LastLogin
	}
	return st.CountTransactions(ctx, u.ID, since)
}

func overLimits(u user.User, open, missed int) error {
	switch {
	case !u.PushStopped.IsZero(), missed >= MaxMissed, u.PushMisses >= MaxMissedInAll:
		return ErrPushStorm
	case open >= MaxOpen, open+missed >= MaxMissed:
		return ErrPushLimit
	}
	return nil
}

// withinLimits is RULE-13. A canceled request counts like an unanswered one: it rang a phone.
func (f *Flow) withinLimits(ctx context.Context, st Store, u user.User) error {
	if !u.PushStopped.IsZero() {
		return ErrPushStorm
	}
	open, missed, err := f.requestsOf(ctx, st, u)
	if err != nil {
		return err
	}
	refused := overLimits(u, open, missed)
	if errors.Is(refused, ErrPushStorm) {
		if _, err := st.MissPush(ctx, u.ID, 0, true, f.now()); err != nil {
			return err
		}
	}
	return refused
}

// ring tells those who wait, and the device, that a request is on disk. It waits there either way.
func (f *Flow) ring(s Session, t transaction.Transaction) {
	topics := []string{flow.LoginTopic(t.LoginID), flow.PhoneTopic(t.PhoneID)}
	for _, w := range s.Ways { // a phone whose request was replaced sees it go
		topics = append(topics, flow.PhoneTopic(w.PhoneID))
	}
	f.bell.Ring(topics...)
	if t.Unreachable {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		f.wake(ctx, t)
	}()
}

// wake alerts the device and notes what became of it for the waiting page.
func (f *Flow) wake(ctx context.Context, t transaction.Transaction) {
	p, err := f.db.Read().PhoneByID(ctx, t.PhoneID)
	if err != nil {
		return
	}
	tried, refused := factor.Asking(t).Request.Wake(ctx, f.tools(), p, t)
	if !tried {
		return
	}
	delivered := time.Time{}
	if refused == nil {
		delivered = f.now()
	}
	err = f.db.Write(ctx, func(st Store) error {
		if err := st.HoldAccount(ctx, t.UserID); err != nil { // before request and login, as every other change
			return err
		}
		if refused != nil && errs.KindOf(refused) == errs.Gone {
			if err := st.DropSubscription(ctx, p.ID, p.Subscription); err != nil {
				return err
			}
		}
		if err := st.MarkDelivery(ctx, t.ID, delivered, time.Time{}, refused != nil); err != nil {
			return err
		}
		return st.BumpLogin(ctx, t.LoginID)
	})
	if err != nil {
		f.logger.Error("delivery not noted", "transaction", t.ID, "err", err)
	}
	f.bell.Ring(flow.LoginTopic(t.LoginID))
}

// tools are what factors need of the flow's outside.
func (f *Flow) tools() factor.Tools {
	t := factor.Tools{Keys: f.keys, Now: f.now, Rand: f.rand, Log: f.logger, PublicURL: f.publicURL}
	if f.doorbell != nil {
		t.Doorbell = f.doorbell
	}
	return t
}
