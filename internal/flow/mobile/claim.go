package mobile

import (
	"cmp"
	"context"
	"errors"

	"countersign/internal/base/id"
	"countersign/internal/domain/account"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// claimForLogin is the first device of a person who is signing in: everything that made enrolling right is
// looked at again (AC-002, AC-037).
func (f *Flow) claimForLogin(ctx context.Context, st Store, c *claim) error {
	var err error
	if c.in, err = st.LoginByID(ctx, c.act.LoginID); err != nil {
		return lacking(err, activation.ErrExpired)
	}
	if c.in.Stage != login.Open || !c.in.Enrolling || !c.now.Before(c.in.Expires) {
		return activation.ErrExpired
	}
	if err := f.loadApplication(ctx, st, c, c.in.ApplicationID); err != nil {
		return err
	}
	invited := c.in.ApplicationID == application.PortalID
	if !invited && c.pol.NewUser != policy.NewUserEnroll {
		return activation.ErrExpired
	}
	id := c.in.UserID
	if id == "" {
		c.user, err = st.UserByName(ctx, c.in.Username)
		if errors.Is(err, user.ErrUnknown) {
			return f.createUser(ctx, st, c)
		}
		if err != nil {
			return err
		}
		id = c.user.ID
	}
	if c.user, err = st.LockAccount(ctx, id); err != nil {
		return err
	}
	if c.in.UserID != "" && c.in.Proof.Epoch != c.user.Epoch { // signed out since the page was opened
		return activation.ErrExpired
	}
	if c.user.Refusal() != nil || c.act.Epoch != c.user.Epoch || (c.act.UserID != "" && c.act.UserID != id) {
		return activation.ErrExpired
	}
	if err := f.mayStillEnroll(ctx, st, c, invited); err != nil {
		return err
	}
	phones, err := st.PhonesOf(ctx, c.user.ID)
	if err != nil {
		return err
	}
	if (flow.Person{Phones: phones}).CanProve() {
		return activation.ErrUsed // somebody enrolled meanwhile
	}
	for _, p := range phones {
		if p.ID == c.act.PhoneID { // a record without an app that the person's number belongs to (C-31)
			c.p = p
		}
	}
	return nil
}

// mayStillEnroll: an invitation must not have been used or taken back since its page was opened, and its reason must still hold.
func (f *Flow) mayStillEnroll(ctx context.Context, st Store, c *claim, invited bool) error {
	if !invited {
		if !(flow.Person{User: c.user, Policy: c.pol, Settings: c.set}).MayEnroll(c.now) {
			return activation.ErrExpired
		}
		return nil
	}
	links, err := st.OpenEnrollments(ctx, c.user.ID, c.in.Created)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.ID != c.in.EnrollmentID {
			continue
		}
		v, err := st.SnapshotAt(ctx, c.user.ID, cmp.Or(l.ApplicationID, application.PortalID))
		if err != nil || v.Person().MayFollow(l, c.now) {
			return err
		}
	}
	return activation.ErrExpired
}

// createUser makes the person a user, unless somebody with this name's simple form became one since (RULE-32).
func (f *Flow) createUser(ctx context.Context, st Store, c *claim) error {
	if c.act.UserID != "" {
		return activation.ErrExpired
	}
	if simple := user.Simple(c.in.Username); simple != c.in.Username {
		if _, err := st.UserByName(ctx, simple); !errors.Is(err, user.ErrUnknown) {
			return lacking(err, activation.ErrExpired)
		}
	}
	salt := make([]byte, 16)
	if _, err := f.rand.Read(salt); err != nil {
		return err
	}
	c.user = user.User{ID: id.Key(f.rand, id.User), Username: c.in.Username, Status: user.Active, Created: c.now, Salt: salt}
	if err := st.CreateUser(ctx, c.user); errors.Is(err, user.ErrNameTaken) {
		return activation.ErrUsed // another phone of another tab was first, at the same moment
	} else if err != nil {
		return err
	}
	return f.log(ctx, st, c, "user_create", map[string]any{"cause": "self-enrollment", "application": c.app.Name})
}

// claimForDevice adds a phone, or puts a new handset in the place of an old one, for a person who proved to be one.
func (f *Flow) claimForDevice(ctx context.Context, st Store, c *claim) error {
	err := f.lockUser(ctx, st, c)
	if err != nil {
		return err
	}
	if c.act.LoginID != "" {
		err = f.spendLoginProof(ctx, st, c)
	} else {
		err = f.spendSessionChange(ctx, st, c)
	}
	if err != nil {
		return err
	}
	if c.act.Purpose != activation.Reactivate {
		return nil
	}
	c.p, err = st.PhoneByID(ctx, c.act.PhoneID)
	if err != nil || c.p.UserID != c.user.ID {
		return lacking(err, activation.ErrExpired)
	}
	return nil
}

// claimIssued is the first device of a person whom an application registered. The code was given to whoever
// the application trusts, so it opens an account without a way in and nothing else (C-09, AC-002).
func (f *Flow) claimIssued(ctx context.Context, st Store, c *claim) error {
	if err := f.lockUser(ctx, st, c); err != nil {
		return err
	}
	if !c.user.FirstEnrolled.IsZero() {
		return activation.ErrUsed // somebody enrolled meanwhile
	}
	return f.loadApplication(ctx, st, c, cmp.Or(c.act.ApplicationID, application.PortalID))
}

// lockUser takes the row of the user a code was made for, who must still be let in.
func (f *Flow) lockUser(ctx context.Context, st Store, c *claim) (err error) {
	if c.user, err = st.LockAccount(ctx, c.act.UserID); err != nil {
		return lacking(err, activation.ErrExpired)
	}
	if !c.user.MaySignIn() || c.act.Epoch != c.user.Epoch {
		return activation.ErrExpired
	}
	return nil
}

// spendLoginProof takes the proof with which a sign-in showed the code of a spare phone: it serves one.
func (f *Flow) spendLoginProof(ctx context.Context, st Store, c *claim) error {
	by, proved, err := st.TakeManageProof(ctx, c.act.LoginID, c.act.Created.Add(-session.ProofLife))
	if err != nil {
		return err
	}
	if !proved || factor.Logged(by.Factor).Recovers || c.act.Purpose != activation.Add {
		return activation.ErrExpired
	}
	if c.in, err = st.LoginByID(ctx, c.act.LoginID); err != nil || c.in.UserID != c.user.ID {
		return lacking(err, activation.ErrExpired)
	}
	if err := f.loadApplication(ctx, st, c, c.in.ApplicationID); err != nil {
		return err
	}
	return f.mustHold(ctx, st, c, by)
}

// mustHold looks again at the proof that opened the page with the code (RULE-42). The account's row is locked.
func (f *Flow) mustHold(ctx context.Context, st Store, c *claim, by account.Proof) error {
	v, err := st.SnapshotAt(ctx, c.user.ID, c.app.ID)
	if err != nil {
		return err
	}
	c.by = by
	demand, err := factor.DemandOf(ctx, st, v.Settings.Policy)
	if err == nil && !(factor.Holds(v.Person(), by) && demand.Meets(by)) {
		err = activation.ErrExpired
	}
	return err
}

// spendSessionChange takes one change of the portal session that showed the code, when its proof was fresh then.
func (f *Flow) spendSessionChange(ctx context.Context, st Store, c *claim) error {
	s, err := st.SessionByID(ctx, c.act.SessionID)
	if err != nil || s.UserID != c.user.ID {
		return lacking(err, activation.ErrExpired)
	}
	spent, err := st.SpendChange(ctx, s.ID, c.act.Created.Add(-session.ProofLife))
	if err != nil {
		return err
	}
	if !spent {
		return activation.ErrExpired
	}
	if err := f.loadApplication(ctx, st, c, s.ApplicationID); err != nil {
		return err
	}
	if !c.app.SelfService {
		return activation.ErrExpired
	}
	return f.mustHold(ctx, st, c, s.Proof)
}

func (f *Flow) loadApplication(ctx context.Context, st Store, c *claim, appID string) (err error) {
	if c.app, err = st.ApplicationByID(ctx, appID); err != nil {
		return err
	}
	if !c.app.Usable() {
		return activation.ErrExpired
	}
	c.pol = effective(c.set, c.app)
	if !c.pol.AllowsApp() || (flow.Person{Application: c.app, Policy: c.pol}).Denied() {
		return activation.ErrExpired
	}
	return nil
}
