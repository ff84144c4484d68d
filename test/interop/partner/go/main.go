// A federation partner: go-spiffe's federation package, unchanged, on either side of a bundle endpoint. See ../../README.md for its lines.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/federation"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/status"
)

type object = map[string]any

func say(line object) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

const usage = `usage:
  partner poll TRUST-DOMAIN URL https_spiffe ENDPOINT-ID < first bundle
  partner poll TRUST-DOMAIN URL https_web FILE-OF-AUTHORITIES
  partner serve TRUST-DOMAIN FOLDER https_spiffe|https_web
  partner validate AUDIENCE < token`

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 5 && args[0] == "poll":
		err = poll(args[1], args[2], args[3], args[4])
	case len(args) == 4 && args[0] == "serve":
		err = serve(args[1], args[2], args[3])
	case len(args) == 2 && args[0] == "validate":
		err = validate(args[1])
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		say(object{"event": "failed", "code": status.Code(err).String(), "text": err.Error()})
		os.Exit(1)
	}
}

// poller takes what each poll brings, and authenticates the next one with it.
type poller struct {
	known *spiffebundle.Set
}

func (poller) NextRefresh(time.Duration) time.Duration { return time.Second }

func (p poller) OnUpdate(bundle *spiffebundle.Bundle) {
	p.known.Add(bundle)
	sequence, _ := bundle.SequenceNumber()
	hint, _ := bundle.RefreshHint()
	say(object{
		"event": "bundle", "x509": len(bundle.X509Authorities()), "jwt": len(bundle.JWTAuthorities()),
		"sequence": sequence, "hintSeconds": hint.Seconds(),
	})
}

func (poller) OnError(err error) { say(object{"event": "error", "text": err.Error()}) }

func poll(name, url, profile, proof string) error {
	td, err := spiffeid.TrustDomainFromString(name)
	if err != nil {
		return err
	}
	known := spiffebundle.NewSet()
	var option federation.FetchOption
	if profile == "https_spiffe" {
		first, err := spiffebundle.Read(td, os.Stdin)
		if err != nil {
			return err
		}
		known.Add(first)
		endpoint, err := spiffeid.FromString(proof)
		if err != nil {
			return err
		}
		option = federation.WithSPIFFEAuth(known, endpoint)
	} else {
		authorities, err := os.ReadFile(proof)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authorities)
		option = federation.WithWebPKIRoots(pool)
	}
	return federation.WatchBundle(context.Background(), td, url, poller{known}, option)
}

// serve publishes the bundle of a trust domain of its own. Its FOLDER gets what an administrator would hand over, and an X509-SVID.
func serve(name, folder, profile string) error {
	td, err := spiffeid.TrustDomainFromString(name)
	if err != nil {
		return err
	}
	own, err := newDomain(td)
	if err != nil {
		return err
	}
	handler, err := federation.NewHandler(td, own.bundle)
	if err != nil {
		return err
	}
	certificate := own.endpointCertificate
	if profile == "https_web" {
		certificate, err = webCertificate(filepath.Join(folder, "web-ca.pem"))
		if err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return err
	}
	server := http.Server{Handler: handler, TLSConfig: &tls.Config{GetCertificate: certificate}, ReadHeaderTimeout: time.Minute}
	go func() { panic(server.ServeTLS(listener, "", "")) }()
	if err := own.handOver(folder); err != nil {
		return err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	say(object{"event": "serving", "url": fmt.Sprintf("https://localhost:%d/", port), "endpoint": own.endpointID.String()})
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		switch order, argument, _ := strings.Cut(orders.Text(), " "); order {
		case "prepare":
			err = own.prepare()
		case "retire":
			own.retire()
		case "token":
			err = own.token(argument)
		}
		if err != nil {
			return err
		}
		sequence, _ := own.bundle.SequenceNumber()
		say(object{"event": "obeyed", "sequence": sequence})
	}
	return nil
}

// validate asks the Workload API what a token is worth.
func validate(audience string) error {
	token := bufio.NewScanner(os.Stdin)
	token.Scan()
	client, err := workloadapi.New(context.Background())
	if err != nil {
		return err
	}
	defer client.Close()
	svid, err := client.ValidateJWTSVID(context.Background(), token.Text(), audience)
	if err != nil {
		return err
	}
	say(object{"event": "valid", "id": svid.ID.String()})
	return nil
}
