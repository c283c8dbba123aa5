package signin

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/remembered"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Outcome is what the gates say before any proof.
type Outcome string

const (
	OutcomeAllow     Outcome = "allow"
	OutcomeDeny      Outcome = "deny"
	OutcomeEnroll    Outcome = "enroll"
	OutcomeChallenge Outcome = "challenge"
)

// Gate is the answer of the gates for one person and application.
type Gate struct {
	Outcome     Outcome
	Reason      string // audit reason; "" for enroll and challenge
	Application application.Application
	Settings    settings.Settings
	Policy      policy.Policy
	User        user.User // zero value when unknown
	Username    string    // normalized by the application's rule
	Phones      []phone.Phone
	DeskCodes   []string // IDs of the help desk's codes for them
	Codeless    bool     // no bypass code of the user has a use left
	Ways        []Way
	Read        time.Time // when that was read
}

// person is whom the gates are asked about.
func (g Gate) person() flow.Person {
	return flow.Person{User: g.User, Phones: g.Phones, DeskCodes: g.DeskCodes, Application: g.Application, Policy: g.Policy, Settings: g.Settings}
}

// Gate looks a person up and asks every gate in the order of H-17. It changes nothing but an overdue
// automatic unlock. Doors without a browser ask it directly.
func (f *Flow) Gate(ctx context.Context, r Request) (Gate, error) {
	st := f.db.Read()
	g := Gate{Application: r.Application, Read: f.now()}
	known, err := f.lookUp(ctx, st, r, &g)
	if err != nil {
		return g, err
	}
	g.Policy = policy.Effective(g.Settings.Policy, r.Application.Policy)
	if known {
		if g.User, err = f.unlockWhenDue(ctx, g.User, g.Settings); err != nil {
			return g, err
		}
		g.Ways = factor.Ways(factor.Owner{User: g.User, Phones: g.Phones, Codeless: g.Codeless, Policy: g.Policy})
	}
	g.Outcome, g.Reason, err = f.gates(ctx, st, r, g, known)
	return g, err
}

// still asks the gates again inside a change, with the account's row locked. The change ends with errOtherwise when they say
// something else by now.
func (f *Flow) still(ctx context.Context, st Store, r Request, before Gate) (Gate, error) {
	g, known := before, before.User.ID != ""
	var v flow.Snapshot
	var err error
	if known {
		v, err = st.LockAt(ctx, before.User.ID, before.Application.ID)
	} else if err = st.HoldPolicy(ctx); err == nil {
		_, err = st.UserByName(ctx, before.Username)
	}
	switch {
	case known:
	case err == nil:
		err = errOtherwise // somebody has the name by now
	case errors.Is(err, user.ErrUnknown):
		if v.Application, err = st.ApplicationByID(ctx, before.Application.ID); err == nil {
			v.Settings, err = st.LoadSettings(ctx)
		}
	}
	if err != nil {
		return g, err
	}
	g.Application, g.Settings, g.User, g.Phones, g.DeskCodes, g.Codeless = v.Application, v.Settings, v.User, v.Phones, v.DeskCodes, v.Codeless
	g.Policy = policy.Effective(g.Settings.Policy, g.Application.Policy)
	g.Ways = factor.Ways(factor.Owner{User: g.User, Phones: g.Phones, Codeless: g.Codeless, Policy: g.Policy})
	if g.Outcome, g.Reason, err = f.gates(ctx, st, r, g, known); err == nil && (g.Outcome != before.Outcome || g.Reason != before.Reason) {
		err = errOtherwise
	}
	return g, err
}

// lookUp finds the user, with phones and the settings, by ID or by the presented name in its canonical spelling.
func (f *Flow) lookUp(ctx context.Context, st Store, r Request, g *Gate) (known bool, err error) {
	var v flow.Snapshot
	defer func() {
		g.User, g.Phones, g.DeskCodes, g.Codeless, g.Settings = v.User, v.Phones, v.DeskCodes, v.Codeless, v.Settings
	}()
	if r.UserID != "" {
		v, err = st.SnapshotByAccount(ctx, r.UserID)
		if err == nil && v.User.Kind != r.Kind {
			v, err = flow.Snapshot{}, user.ErrUnknown
		}
		g.Username = v.User.Username
		return err == nil, err
	}
	if g.Username, err = user.Normalize(r.Username); err != nil {
		return false, err
	}
	if r.Application.Normalization == application.NormalizationSimple {
		g.Username = user.Simple(g.Username)
	}
	v, err = st.SnapshotByName(ctx, g.Username)
	if errors.Is(err, user.ErrUnknown) {
		v.Settings, err = st.LoadSettings(ctx)
		return false, err
	}
	return err == nil, err
}

// unlockWhenDue ends a lock-out whose time is over (RULE-12).
func (f *Flow) unlockWhenDue(ctx context.Context, u user.User, set settings.Settings) (user.User, error) {
	due := u.UnlocksAt(set.LockoutMinutes)
	if due.IsZero() || f.now().Before(due) {
		return u, nil
	}
	now := u
	err := f.db.Write(ctx, func(st Store) error {
		before := f.now().Add(-time.Duration(set.LockoutMinutes) * time.Minute)
		unlocked, err := st.Unlock(ctx, u.ID, before)
		if err == nil && unlocked { // else another sign-in did it
			err = f.journal().Act(ctx, st, audit.System, "user_update", u.Username, map[string]any{"status": "active", "cause": "automatic unlock"})
		}
		if err != nil {
			return err
		}
		now, err = st.AccountByID(ctx, u.ID)
		return err
	})
	return now, err
}

// gates asks application, status, authentication policy, new-user rule and methods, in this order (H-17).
func (f *Flow) gates(ctx context.Context, st Store, r Request, g Gate, known bool) (Outcome, string, error) {
	if !g.Application.Usable() {
		return OutcomeDeny, audit.DeniedByPolicy, nil
	}
	if known {
		switch g.User.Status {
		case user.Bypass:
			return OutcomeAllow, audit.BypassUser, nil
		case user.Disabled, user.PendingDeletion:
			return OutcomeDeny, audit.UserDisabled, nil
		case user.LockedOut:
			return OutcomeDeny, audit.LockedOut, nil
		}
	}
	if r.Invitation == "" {
		switch g.Policy.Authentication {
		case policy.AuthenticationDeny:
			return OutcomeDeny, audit.DeniedByPolicy, nil
		case policy.AuthenticationBypass:
			return OutcomeAllow, audit.AllowedByPolicy, nil
		}
	}
	if !g.person().CanProve() {
		return f.newUserGate(ctx, st, r, g, known)
	}
	if len(g.Ways) == 0 { // only a bypass code is left
		return OutcomeChallenge, audit.FactorRestricted, nil
	}
	return OutcomeChallenge, "", nil
}

// newUserGate is for people without a way in (A-23, RULE-11).
func (f *Flow) newUserGate(ctx context.Context, st Store, r Request, g Gate, known bool) (Outcome, string, error) {
	if r.Invitation == "" {
		switch g.Policy.NewUser {
		case policy.NewUserDeny:
			return f.unlessBypassCode(ctx, st, g, known, audit.DenyUnenrolledUser)
		case policy.NewUserAllow:
			if !g.User.FirstEnrolled.IsZero() { // whoever once had a device is no new user, whatever became of it
				return f.unlessBypassCode(ctx, st, g, known, audit.NoActivatedAccount)
			}
			if aliased, err := f.simpleFormIsKnown(ctx, st, g, known); err != nil || aliased {
				return OutcomeDeny, audit.DenyUnenrolledUser, err
			}
			return OutcomeAllow, audit.AllowUnenrolledUser, nil
		}
	}
	if !g.Policy.AllowsApp() {
		return f.unlessBypassCode(ctx, st, g, known, audit.FactorRestricted)
	}
	if known && r.Invitation == "" && !g.person().MayEnroll(f.now()) {
		return f.unlessBypassCode(ctx, st, g, known, audit.NoActivatedAccount)
	}
	if aliased, err := f.simpleFormIsKnown(ctx, st, g, known); err != nil || aliased {
		return OutcomeDeny, audit.DenyUnenrolledUser, err
	}
	if known && r.Invitation == "" && !g.Codeless { // a code of the help desk may be there before any device
		if codes, err := st.LiveBypassCodes(ctx, g.User.ID, f.now()); err != nil || len(codes) > 0 {
			return OutcomeChallenge, "", err
		}
	}
	return OutcomeEnroll, "", nil
}

// unlessBypassCode refuses, unless the person holds a live bypass code: then the code field is open.
func (f *Flow) unlessBypassCode(ctx context.Context, st Store, g Gate, known bool, reason string) (Outcome, string, error) {
	if known {
		codes, err := st.LiveBypassCodes(ctx, g.User.ID, f.now())
		if err != nil || len(codes) > 0 {
			return OutcomeChallenge, reason, err
		}
	}
	return OutcomeDeny, reason, nil
}

// simpleFormIsKnown guards RULE-32: with normalization "none", a new name whose simple form
// belongs to somebody is never taken for a new person (AC-009).
func (f *Flow) simpleFormIsKnown(ctx context.Context, st Store, g Gate, known bool) (bool, error) {
	simple := user.Simple(g.Username)
	if known || simple == g.Username {
		return false, nil
	}
	_, err := st.UserByName(ctx, simple)
	if errors.Is(err, user.ErrUnknown) {
		return false, nil
	}
	return err == nil, err
}

// Begin opens a login: user and policy are looked up, the gates passed or refused, and the first method is
// started when it starts by itself (A-03 … A-05). It never fails because of who the person is: a refusal is a login at
// stage Refused with its reason logged. Errors: user.ErrNameInvalid; user.ErrUnknown for a UserID nobody has; or the
// database's.
func (f *Flow) Begin(ctx context.Context, r Request) (Opening, error) {
	g, err := f.Gate(ctx, r)
	if err != nil {
		return Opening{}, err
	}
	kept, recognized, over, err := f.recognize(ctx, r, g, remembered.DigestPurpose)
	if err != nil {
		return Opening{}, err
	}
	by, proof := audit.FactorNone, factor.Unproved(g.person())
	if recognized {
		g.Outcome, g.Reason, by, proof = OutcomeAllow, audit.RememberedDevice, audit.FactorRemembered, kept.Proof
		proof.Browser = kept.ID
	}
	now := f.now()
	cookie := secret.NewText(id.Token(f.rand, 32))
	l := login.Login{
		ID: id.Token(f.rand, 16), CookieDigest: f.keys.Digest(login.CookiePurpose, cookie.Reveal()),
		Door: r.Door, DoorState: r.DoorState, ApplicationID: g.Application.ID, UserID: g.User.ID, Username: g.Username,
		Stage: login.Open, Version: 1, Reason: g.Reason, IP: r.IP.String(), UserAgent: clip(r.UserAgent, 512),
		Created: now, Expires: now.Add(login.Life), TxID: id.UUID(f.rand),
	}
	switch g.Outcome {
	case OutcomeAllow:
		l.Stage, l.Factor, l.Proof, l.DecidedAt = login.Allowed, by, proof, now
	case OutcomeDeny:
		l.Stage, l.Factor, l.DecidedAt = login.Refused, by, now
	case OutcomeEnroll:
		l.Enrolling, l.EnrollmentID, l.Expires = true, r.Invitation, now.Add(login.EnrollLife)
		l.Proof = proof // which names the epoch alone
	}
	s := Session{Login: l, Application: g.Application, Settings: g.Settings, Policy: g.Policy, User: g.User,
		Ways: g.Ways, Phones: g.Phones, DeskCodes: g.DeskCodes, Codeless: g.Codeless}
	start, auto := s.Opening()
	auto = auto && g.Outcome == OutcomeChallenge && start.Factor().Rings()
	var sent transaction.Transaction
	err = f.db.Write(ctx, func(st Store) error {
		sent = transaction.Transaction{}
		if err := f.meet(ctx, st, kept, recognized, over); err != nil {
			return err
		}
		if err := st.CreateLogin(ctx, l); err != nil {
			return err
		}
		if g.Outcome == OutcomeAllow || g.Outcome == OutcomeDeny || g.Reason != "" {
			result := audit.Denied
			if g.Outcome == OutcomeAllow {
				result = audit.Success
			}
			if err := f.record(ctx, st, s, entry{Result: result, Reason: g.Reason, Factor: by, TxID: l.TxID}); err != nil {
				return err
			}
		}
		if !auto {
			return nil
		}
		t, err := f.openRequest(ctx, st, s, start, transaction.SignIn)
		if errors.Is(err, ErrPushLimit) || errors.Is(err, ErrPushStorm) || errors.Is(err, user.ErrLocked) ||
			errors.Is(err, ErrNoWay) || errors.Is(err, ErrPolicy) {
			return nil // the page says so and offers the other ways
		}
		sent = t
		return err
	})
	if errors.Is(err, remembered.ErrForgotten) {
		r.Remembered = secret.Text{}
		return f.Begin(ctx, r)
	}
	if err != nil {
		return Opening{}, err
	}
	if sent.ID != "" {
		l.TransactionID = sent.ID
		f.ring(s, sent)
	}
	return Opening{Login: l, Cookie: cookie}, nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
