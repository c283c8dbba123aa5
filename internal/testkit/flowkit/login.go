package flowkit

import (
	"context"

	"countersign/internal/base/secret"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
)

// Login is one sign-in in one browser.
type Login struct {
	k      *Kit
	ID     string
	Cookie secret.Text
	App    application.Application
}

// Begin opens a sign-in as a door does. change may alter the request before.
func (k *Kit) Begin(app application.Application, name string, change ...func(*signin.Request)) *Login {
	k.Helper()
	l, err := k.TryBegin(app, name, change...)
	k.OK(err)
	return l
}

// TryBegin is Begin for a test that expects an error.
func (k *Kit) TryBegin(app application.Application, name string, change ...func(*signin.Request)) (*Login, error) {
	r := signin.Request{Door: "test", DoorState: []byte("{}"), Application: app, Username: name, IP: Address(1),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
	for _, f := range change {
		f(&r)
	}
	o, err := k.SignIn.Begin(context.Background(), r)
	return &Login{k: k, ID: o.Login.ID, Cookie: o.Cookie, App: app}, err
}

// Session resumes the sign-in as the next page would.
func (l *Login) Session() signin.Session {
	l.k.Helper()
	s, err := l.k.SignIn.Resume(context.Background(), l.ID, l.Cookie)
	l.k.OK(err)
	return s
}

// Stage is the login's stage now.
func (l *Login) Stage() login.Stage {
	l.k.Helper()
	return l.Row().Stage
}

// Row reads the login from the database, also when it has ended or expired.
func (l *Login) Row() login.Login {
	l.k.Helper()
	row, err := l.k.DB.Read().LoginByID(context.Background(), l.ID)
	l.k.OK(err)
	return row
}

// Code types a code on the page.
func (l *Login) Code(code string, purpose transaction.Purpose) error {
	s, err := l.k.SignIn.Resume(context.Background(), l.ID, l.Cookie)
	if err != nil {
		return err
	}
	return l.k.SignIn.Code(context.Background(), s, code, purpose)
}

// Push sends a request to the first phone that can take one. Without such a phone it returns signin.ErrNoWay.
func (l *Login) Push(purpose transaction.Purpose) (transaction.Transaction, error) {
	s, err := l.k.SignIn.Resume(context.Background(), l.ID, l.Cookie)
	if err != nil {
		return transaction.Transaction{}, err
	}
	for _, w := range s.Ways {
		if w.Method == "push" {
			return l.k.SignIn.Push(context.Background(), s, w.ID, purpose)
		}
	}
	return transaction.Transaction{}, signin.ErrNoWay
}

// Finish makes the ticket.
func (l *Login) Finish() (secret.Text, error) {
	s, err := l.k.SignIn.Resume(context.Background(), l.ID, l.Cookie)
	if err != nil {
		return secret.Text{}, err
	}
	return l.k.SignIn.Finish(context.Background(), s)
}

// Enter finishes the sign-in and collects the result as the application does.
func (l *Login) Enter() (signin.Result, error) {
	ticket, err := l.Finish()
	if err != nil {
		return signin.Result{}, err
	}
	return l.k.SignIn.Collect(context.Background(), ticket, l.App.ID)
}

// Pair returns the pairing code with which a new person adds the first phone.
func (l *Login) Pair() enroll.Pairing {
	l.k.Helper()
	return l.PairFor(activation.Enroll)
}

// PairFor returns a pairing code for a purpose.
func (l *Login) PairFor(p activation.Purpose) enroll.Pairing {
	l.k.Helper()
	c, err := l.k.Enroll.Pair(context.Background(), enroll.Owner{LoginID: l.ID}, enroll.Subject{Purpose: p, UserID: l.Row().UserID})
	l.k.OK(err)
	return c
}

// Portal opens device management with the proof of this login and returns the cookie of the new session.
func (l *Login) Portal() (secret.Text, error) {
	_, cookie, err := l.k.Devices.Open(context.Background(), l.Row())
	return cookie, err
}

// View resumes the portal session of a cookie.
func (k *Kit) View(cookie secret.Text) devices.View {
	k.Helper()
	v, err := k.Devices.Resume(context.Background(), cookie)
	k.OK(err)
	return v
}

// PairPortal returns a pairing code from a portal session. It reactivates the phone phoneID, or adds a device if
// phoneID is empty.
func (k *Kit) PairPortal(v devices.View, phoneID string) enroll.Pairing {
	k.Helper()
	s := enroll.Subject{Purpose: activation.Add, UserID: v.User.ID}
	if phoneID != "" {
		s.Purpose, s.PhoneID = activation.Reactivate, phoneID
	}
	c, err := k.Enroll.Pair(context.Background(), enroll.Owner{SessionID: v.Session.ID}, s)
	k.OK(err)
	return c
}

// Manager is a person with one phone, who used it as the proof to open device management.
func (k *Kit) Manager(app application.Application, name string) (devices.View, secret.Text, *Phone) {
	k.Helper()
	p := k.Enrolled(app, name)
	cookie := k.Prove(app, name, p)
	return k.View(cookie), cookie, p
}

// Prove begins a sign-in, types a code of the phone in it, and opens device management with that proof.
func (k *Kit) Prove(app application.Application, name string, p *Phone) secret.Text {
	k.Helper()
	l := k.Begin(app, name)
	k.OK(l.Code(p.Code(), transaction.Manage))
	cookie, err := l.Portal()
	k.OK(err)
	return cookie
}
