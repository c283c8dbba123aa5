package server

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"countersign/internal/api/frame"
	"countersign/internal/api/oidc"
	"countersign/internal/api/phone"
	"countersign/internal/api/unix"
	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/site/control"
	framepages "countersign/internal/site/frame"
	"countersign/internal/site/portal"
	"countersign/internal/site/prompt"
	"countersign/internal/site/web"
)

// oidcDoor is the door of the Web SDK.
func (s *Server) oidcDoor() *oidc.Door {
	return &oidc.Door{
		SignIn: s.SignIn, Applications: s.DB.Read(), Keys: doorKeys{s.Keys, oidc.Digests}, PublicURL: s.Config.PublicURL, APIHosts: s.Config.APIHosts,
		Now: s.now, Rand: s.rand, Log: s.Log, ClientIP: clientIP, Page: s.Site.Fail,
		SetLoginCookie: (&prompt.Prompt{Cookies: s.cookies}).SetCookie, PromptURL: func(l login.Login) string { return prompt.Path(l.ID) },
		Remembered: func(r *http.Request, applicationID string) secret.Text {
			return secret.NewText(s.cookies.Get(r, prompt.RememberCookie(applicationID)))
		},
		Deadline: s.deadline,
	}
}

// control runs the sign-ins and device sessions of all pages.
func (s *Server) control() *control.Control {
	return &control.Control{Web: s.Site, Forms: s.forms(), SignIn: s.SignIn, Enroll: s.Enroll, Devices: s.Devices, Now: s.now}
}

// promptPages are the pages of one sign-in, whichever door it came through.
func (s *Server) promptPages(door *oidc.Door) *prompt.Prompt {
	return &prompt.Prompt{
		Control: s.control(), Cookies: s.cookies, Doors: map[string]prompt.Door{oidc.Name: door, prompt.InvitationDoor: prompt.Invitations{}},
		Portal: portal.At, ClientIP: clientIP, Wizard: framepages.Path,
	}
}

// frameDoor makes the door of Web SDK v2 and the pages it shows in the application's frame.
func (s *Server) frameDoor() (*frame.Door, *framepages.Pages) {
	pages := &framepages.Pages{Control: s.control(), PublicURL: s.Config.PublicURL}
	door := &frame.Door{SignIn: s.SignIn, Applications: s.DB.Read(), Keys: doorKeys{s.Keys, nil}, Now: s.now, Log: s.Log, ClientIP: clientIP,
		Page: s.Site.Fail, Embed: web.Embed, Path: framepages.Path, Tell: pages.Tell, Stop: pages.Stop,
		Remembered: func(r *http.Request, applicationID, parent string) secret.Text {
			return secret.NewText(s.cookies.Get(r, framepages.RememberCookie(applicationID, parent)))
		},
		Remember: func(w http.ResponseWriter, applicationID, parent string, value secret.Text, life time.Duration) {
			s.cookies.SetFramed(w, framepages.RememberCookie(applicationID, parent), value.Reveal(), life)
		},
	}
	pages.Doors = map[string]framepages.Door{login.DoorFrame: door, login.DoorWizard: framepages.Link{}}
	return door, pages
}

// portalPages are where people look after their phones.
func (s *Server) portalPages() *portal.Portal {
	return &portal.Portal{Control: s.control(), Cookies: s.cookies,
		SignIns: portal.SignIns{Path: prompt.Path, Cookie: prompt.CookieName, Remember: prompt.RememberCookie}}
}

// unixDoor is the legacy API of login_duo, pam_duo and the Authentication Proxy.
func (s *Server) unixDoor() *unix.Door {
	return &unix.Door{Engine: s.engine(), Applications: s.DB.Read(), Hosts: s.failModes}
}

// phoneDoor is the door of the phone protocol.
func (s *Server) phoneDoor() *phone.Door {
	return &phone.Door{Mobile: s.Mobile, Now: s.now, From: clientIP, Log: s.Log}
}

// forms makes the form tokens, which are keyed digests of the session.
func (s *Server) forms() web.Forms {
	return web.Forms{MAC: func(data []byte) []byte { return s.Keys.Digest("form-token", string(data)) }}
}

// organization returns the name that the phone app shows while it pairs, "" when the database cannot be read.
func (s *Server) organization() string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	now, err := s.DB.Read().LoadSettings(ctx)
	if err != nil {
		return "" // the app shows none
	}
	return now.Organization
}

// frame returns what a message page shows around an error: the organization and its help line.
func (s *Server) frame(r *http.Request) web.Frame {
	now, err := s.DB.Read().LoadSettings(r.Context())
	if err != nil {
		return web.Frame{} // without the database the page has no name on it
	}
	return web.Frame{Org: web.Org{Name: now.Organization}, Help: web.Help{Text: now.Help}}
}

// clientIP returns the address of the client, as the request log has determined it.
func clientIP(r *http.Request) netip.Addr { return web.Client(r.Context()) }
