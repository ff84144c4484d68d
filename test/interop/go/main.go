// The Go judge: go-spiffe, unchanged, as any Go service would use it. See ../README.md for what its lines mean.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc/status"
)

type object = map[string]any

var printing sync.Mutex

func say(line object) {
	printing.Lock()
	defer printing.Unlock()
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: client fetch AUDIENCE OTHER OTHER | watch | judge AUDIENCE < token | bundle TRUST-DOMAIN < document")
		os.Exit(2)
	}
	var err error
	switch os.Args[1] {
	case "fetch":
		err = fetch(context.Background(), os.Args[2:])
	case "watch":
		err = watch(context.Background())
	case "judge":
		err = judge(context.Background(), os.Args[2])
	case "bundle":
		err = bundle(os.Args[2])
	default:
		err = fmt.Errorf("unknown mode %q", os.Args[1])
	}
	if err != nil {
		say(object{"event": "failed", "code": status.Code(err).String(), "text": err.Error()})
		os.Exit(1)
	}
}

// fetch makes each one-shot call once and checks what came back with the library's own verifiers.
func fetch(ctx context.Context, audiences []string) error {
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()

	svids, err := client.FetchX509SVIDs(ctx)
	if err != nil {
		return fmt.Errorf("X509-SVID: %w", err)
	}
	x509Bundles, err := client.FetchX509Bundles(ctx)
	if err != nil {
		return fmt.Errorf("X.509 bundles: %w", err)
	}
	for _, svid := range svids {
		if _, _, err := x509svid.Verify(svid.Certificates, x509Bundles); err != nil {
			return fmt.Errorf("leaf against the bundle: %w", err)
		}
	}
	jwtBundles, err := client.FetchJWTBundles(ctx)
	if err != nil {
		return fmt.Errorf("JWT bundles: %w", err)
	}
	say(object{
		"event":       "fetched",
		"svids":       described(svids),
		"x509Bundles": x509Counts(x509Bundles),
		"jwtBundles":  jwtKeys(jwtBundles),
		"leaf":        base64.StdEncoding.EncodeToString(svids[0].Certificates[0].Raw),
	})
	one, err := client.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audiences[0]})
	if err != nil {
		return fmt.Errorf("JWT-SVID: %w", err)
	}
	three, err := client.FetchJWTSVIDs(ctx, jwtsvid.Params{Audience: audiences[0], ExtraAudiences: audiences[1:]})
	if err != nil {
		return fmt.Errorf("JWT-SVID for several audiences: %w", err)
	}
	validated, err := client.ValidateJWTSVID(ctx, one.Marshal(), audiences[0])
	if err != nil {
		return fmt.Errorf("ValidateJWTSVID: %w", err)
	}
	offline, err := jwtsvid.ParseAndValidate(three[0].Marshal(), jwtBundles, audiences[2:])
	if err != nil {
		return fmt.Errorf("offline: %w", err)
	}
	_, wrongAudience := client.ValidateJWTSVID(ctx, one.Marshal(), "somebody-else")
	say(object{
		"event":         "tokens",
		"one":           object{"id": one.ID.String(), "audience": one.Audience},
		"three":         object{"id": three[0].ID.String(), "audience": three[0].Audience, "count": len(three)},
		"validated":     validated.ID.String(),
		"offline":       offline.ID.String(),
		"wrongAudience": status.Code(wrongAudience).String(),
	})
	return nil
}

// judge has the token on standard input checked by the node, and by the library with the bundles that the node gives.
func judge(ctx context.Context, audience string) error {
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	defer client.Close()

	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	validated, err := client.ValidateJWTSVID(ctx, lines.Text(), audience)
	if err != nil {
		return fmt.Errorf("ValidateJWTSVID: %w", err)
	}
	x509Bundles, err := client.FetchX509Bundles(ctx)
	if err != nil {
		return fmt.Errorf("X.509 bundles: %w", err)
	}
	jwtBundles, err := client.FetchJWTBundles(ctx)
	if err != nil {
		return fmt.Errorf("JWT bundles: %w", err)
	}
	offline, err := jwtsvid.ParseAndValidate(lines.Text(), jwtBundles, []string{audience})
	if err != nil {
		return fmt.Errorf("offline: %w", err)
	}
	say(object{
		"event": "judged", "x509Bundles": x509Counts(x509Bundles), "jwtBundles": jwtKeys(jwtBundles),
		"validated": validated.ID.String(), "offline": offline.ID.String(),
	})
	return nil
}

type watcher struct{}

func (w watcher) OnX509ContextUpdate(update *workloadapi.X509Context) {
	for _, svid := range update.SVIDs {
		if _, _, err := x509svid.Verify(svid.Certificates, update.Bundles); err != nil {
			w.OnX509ContextWatchError(err)
			return
		}
	}
	say(object{"event": "x509", "svids": described(update.SVIDs), "x509Bundles": x509Counts(update.Bundles)})
}

func (watcher) OnX509ContextWatchError(err error) {
	say(object{"event": "error", "code": status.Code(err).String(), "text": err.Error()})
}

// watch reports every update for as long as it lives; each line on standard input makes it fetch once more.
func watch(ctx context.Context) error {
	client, err := workloadapi.New(ctx)
	if err != nil {
		return err
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			svids, err := client.FetchX509SVIDs(ctx)
			if err != nil {
				say(object{"event": "refused", "code": status.Code(err).String(), "text": err.Error()})
			} else {
				say(object{"event": "granted", "svids": described(svids)})
			}
		}
	}()
	return client.WatchX509Context(ctx, watcher{})
}

// bundle reads a SPIFFE bundle document as published, with the reader that federated services use.
func bundle(trustDomain string) error {
	td, err := spiffeid.TrustDomainFromString(trustDomain)
	if err != nil {
		return err
	}
	read, err := spiffebundle.Read(td, os.Stdin)
	if err != nil {
		return err
	}
	sequence, hasSequence := read.SequenceNumber()
	hint, hasHint := read.RefreshHint()
	say(object{
		"event": "bundle", "x509": len(read.X509Authorities()), "jwt": len(read.JWTAuthorities()),
		"sequence": sequence, "hasSequence": hasSequence, "hintSeconds": hint.Seconds(), "hasHint": hasHint,
	})
	return nil
}

func described(svids []*x509svid.SVID) []object {
	out := []object{}
	for _, svid := range svids {
		leaf := svid.Certificates[0]
		public, err := x509.MarshalPKIXPublicKey(svid.PrivateKey.Public())
		if err != nil {
			panic(err)
		}
		digest := sha256.Sum256(public)
		out = append(out, object{
			"id": svid.ID.String(), "serial": fmt.Sprintf("%032x", leaf.SerialNumber), "key": hex.EncodeToString(digest[:]),
			"issuer": leaf.Issuer.String(),
		})
	}
	return out
}

func x509Counts(set *x509bundle.Set) object {
	out := object{}
	for _, one := range set.Bundles() {
		out[one.TrustDomain().IDString()] = len(one.X509Authorities())
	}
	return out
}

func jwtKeys(set *jwtbundle.Set) object {
	out := object{}
	for _, one := range set.Bundles() {
		out[one.TrustDomain().IDString()] = len(one.JWTAuthorities())
	}
	return out
}
