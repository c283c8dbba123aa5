package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"countersign/internal/adapter/mail"
	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/server/tlscert"
)

// Options say where the demo runs. The zero value works.
type Options struct {
	Listen  string       // address of the pages, "": 127.0.0.1:8080; port 0 takes a free one
	DataDir string       // kept between runs; "": a new folder that is removed at the end
	Environ []string     // COUNTERSIGN_ variables that override the written configuration, as os.Environ returns them
	JSON    bool         // print one line of JSON (Ready) instead of text for people
	Out     io.Writer    // nil: nothing is printed
	Log     *slog.Logger // nil: nothing is logged

	Now  func() time.Time // nil: the machine's clock
	Rand io.Reader        // nil: the system's randomness
}

// Ready is what --json prints when the demo can be used. Addresses are absolute.
type Ready struct {
	URL          string        `json:"url"`
	CAFile       string        `json:"ca_file"` // PEM; clients of the API hosts must trust it
	DataDir      string        `json:"data_dir"`
	SampleAppURL string        `json:"sample_app_url"`
	FramedAppURL string        `json:"framed_app_url"` // the sample application with the prompt in a frame
	InboxURL     string        `json:"inbox_url"`      // with .json at the end: the mails as JSON
	PhoneURL     string        `json:"phone_url"`      // the virtual phones
	Applications []Application `json:"applications"`   // in the order of seeds
	Users        []Person      `json:"users"`
}

// Application is what a client of a sample application is configured with.
type Application struct {
	Name         string `json:"name"`
	Type         string `json:"type"`     // websdk, websdk2, authapi or unix
	APIHost      string `json:"api_host"` // host:port, with TLS
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	AKEY         string `json:"akey,omitempty"` // websdk2 only: the application's own key
}

// withDefaults fills in what is nil.
func (o Options) withDefaults() Options {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

// Run shows the product until ctx ends. It returns nil after an orderly end, and server.ErrOccupied when another
// demo uses the data folder.
func Run(ctx context.Context, o Options) (err error) {
	o = o.withDefaults()
	dir, temporary, err := folder(o.DataDir)
	if err != nil {
		return err
	}
	if temporary {
		defer os.RemoveAll(dir) // an error leaves files in a temporary folder, which does no harm
	}
	free, err := server.Occupy(config.Default(dir)) // so that the file of a demo that runs there is not rewritten
	if err != nil {
		return err
	}
	p, err := prepare(dir, o.Listen, o.Environ)
	if err := errors.Join(err, free()); err != nil {
		return err
	}
	defer p.close()
	cert, err := tlscert.Local(tlscert.LocalOptions{Dir: filepath.Join(dir, "tls"), Names: tlscert.DemoNames, IPs: tlscert.DemoIPs, Now: o.Now, Log: o.Log})
	if err != nil {
		return err
	}
	st := &stage{place: p, CAFile: cert.CAFile, Inbox: &mail.Inbox{Now: o.Now}, Now: o.Now, Rand: o.Rand, Log: o.Log}
	s, err := server.Open(ctx, p.Config, server.Options{
		Now: o.Now, Rand: o.Rand, Log: o.Log, Sender: server.InboxSender(p.Config.Mail.From, st.Inbox),
		Files: []fs.FS{Files()}, Groups: st.groups, Elsewhere: p.aliases(),
	})
	if err != nil {
		return err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	return st.serve(ctx, o, cert, temporary)
}

// serve runs the server until ctx ends. Meanwhile it pairs the sample phones, which need a running server, and prints
// that the demo is ready.
func (st *stage) serve(ctx context.Context, o Options, cert *tlscert.Source, temporary bool) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- st.server.Serve(serving, server.Listen{Listener: st.place.Pages}, server.Listen{Listener: st.place.TLS, TLS: cert.Config()})
	}()
	err := st.enrollSamples(serving, st.server)
	if err == nil {
		err = st.announce(ctx, o, temporary)
	}
	if err != nil {
		stop()
		<-done
		if ctx.Err() != nil {
			return nil // stopped before it was ready
		}
		return err
	}
	return <-done
}

// announce prints that the demo is ready, and where everything is.
func (st *stage) announce(ctx context.Context, o Options, temporary bool) error {
	origin := st.place.Config.PublicURL
	ready := Ready{
		URL: origin, CAFile: st.CAFile, DataDir: st.place.Dir, SampleAppURL: origin + "/sample/", FramedAppURL: origin + "/sample/frame/",
		InboxURL: origin + "/demo/inbox", PhoneURL: origin + "/demo/phone",
		Applications: st.apps, Users: st.people(ctx),
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(ready)
	}
	_, err := fmt.Fprintf(o.Out, `countersign demo

  Open      %s
  then      1. open "Virtual phones" in a second tab and choose ana
            2. open the sample application and sign in: ana, password %s
            3. type the number you see into the phone

  Sample application  %s
  In a frame          %s
  Virtual phones      %s
  Inbox               %s
  For clients         api_host %s, CA certificate %s
  Commands            countersign --config %s user list
  Keys, as for SSH    countersign --config %[9]s app show %[10]q --secret

`, ready.URL+"/", password, ready.SampleAppURL, ready.FramedAppURL, ready.PhoneURL, ready.InboxURL, st.app.APIHost, st.CAFile, st.place.ConfigFile, serversName)
	if err != nil {
		return err
	}
	if temporary {
		fmt.Fprintf(o.Out, "  Data is in %s and goes away at the end; keep it with --data DIR.\n", st.place.Dir)
	}
	if host, _, _ := net.SplitHostPort(st.place.Pages.Addr().String()); !loopback(host) {
		fmt.Fprintf(o.Out, "  Careful: others on the network can reach this demo at %s. It is full of known passwords.\n", st.place.Pages.Addr())
	}
	_, err = fmt.Fprintln(o.Out, "  Stop with Ctrl-C.")
	return err
}
