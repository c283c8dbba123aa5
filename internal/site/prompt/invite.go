package prompt

import (
	"context"
	"net/http"

	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// InvitationDoor is the door of people who come with an enrollment link.
const InvitationDoor = "enrollment"

// Invitation is the page of an enrollment link. Opening it changes nothing: mail scanners open links too.
type Invitation struct {
	Base
	Action string
}

// Frame implements web.Page.
func (p Invitation) Frame(w web.Words) web.Frame {
	return p.frame("invitation", "invitation", w.S("invitation.title"))
}

// Enrolled is the last page of an enrollment link.
type Enrolled struct{ Base }

// Frame implements web.Page.
func (p Enrolled) Frame(w web.Words) web.Frame {
	return p.frame("enrolled", "enrolled", w.S("enrolled.title"))
}

// Invitations is the door that enrollment links open; it has no application to return to.
type Invitations struct{}

// Return implements Door.
func (Invitations) Return(context.Context, login.Login, secret.Text) (string, error) {
	return "/enrolled", nil
}

// Origin implements Door.
func (Invitations) Origin(login.Login) (string, error) { return "", nil }

func (p *Prompt) showInvitation(w http.ResponseWriter, r *http.Request) error {
	in, err := p.Enroll.Open(r.Context(), secret.NewText(r.PathValue("token")))
	if err != nil {
		return err
	}
	base := p.plainBase(r)
	base.User = in.User.Username
	base.FormToken = p.Forms.Token(in.Link.ID)
	return p.Write(w, r, http.StatusOK, Invitation{Base: base, Action: r.URL.Path})
}

// accept opens a sign-in whose purpose is to set up the first device of the invited user.
func (p *Prompt) accept(w http.ResponseWriter, r *http.Request) error {
	in, err := p.Enroll.Open(r.Context(), secret.NewText(r.PathValue("token")))
	if err != nil {
		return err
	}
	if err := p.Forms.Check(r, in.Link.ID); err != nil {
		return err
	}
	traditional, err := p.SignIn.Traditional(r.Context())
	if err != nil {
		return err
	}
	door := InvitationDoor
	if traditional && p.Wizard != nil {
		door = login.DoorWizard
	}
	opening, err := p.SignIn.BeginInvited(r.Context(), signin.Request{Door: door, DoorState: []byte("{}"), UserID: in.User.ID,
		Invitation: in.Link.ID,
		IP:         p.ClientIP(r), UserAgent: r.UserAgent()})
	if err != nil {
		return err
	}
	if door == login.DoorWizard {
		return web.Move(w, r, p.Wizard(opening.Login, opening.Cookie))
	}
	p.SetCookie(w, r, opening.Login, opening.Cookie)
	return web.Move(w, r, Path(opening.Login.ID))
}

func (p *Prompt) showEnrolled(w http.ResponseWriter, r *http.Request) error {
	return p.Write(w, r, http.StatusOK, Enrolled{Base: p.plainBase(r)})
}

// plainBase is the base of a page outside any sign-in.
func (p *Prompt) plainBase(r *http.Request) Base {
	around := p.Web.Around(r)
	return Base{Base: control.Base{Org: around.Org, Help: around.Help}}
}
