// dns answers for the names of a cluster, as its DNS Pods do: the lab's stand-in for CoreDNS, which Debian does not have.
//
// It runs where the CoreDNS image would, with that Deployment's account, probes and port. A name SERVICE.NAMESPACE.svc.cluster.local
// is answered from what the API said of Services and their Pods, which it watches. Other names are a server failure: the lab has no Internet.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	account  = "/var/run/secrets/kubernetes.io/serviceaccount/"
	domain   = ".svc.cluster.local"
	typeA    = 1
	noError  = 0
	failure  = 2
	unknown  = 3
	position = 0xc00c // Where the name of the question is.
)

type object struct {
	Metadata struct{ Name, Namespace, ResourceVersion string }
	Spec     struct{ ClusterIP string }
	Subsets  []struct{ Addresses []struct{ IP string } }
}

type event struct {
	Type   string
	Object object
}

// What is known, by kind and by NAME.NAMESPACE.
var (
	known  = map[string]map[string]object{"services": {}, "endpoints": {}}
	locked sync.RWMutex
	client = &http.Client{}
)

func main() {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	for kind := range known {
		go func(kind string) {
			for {
				log.Print(watch(kind))
				time.Sleep(time.Second)
			}
		}(kind)
	}
	for _, probe := range []string{":8080", ":8181"} {
		go func(at string) {
			log.Fatal(http.ListenAndServe(at, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		}(probe)
	}
	socket, err := net.ListenPacket("udp", ":53")
	if err != nil {
		log.Fatal(err)
	}
	for {
		message := make([]byte, 512)
		length, from, err := socket.ReadFrom(message)
		if err != nil {
			continue
		}
		go func() {
			if answer := answer(message[:length]); answer != nil {
				socket.WriteTo(answer, from)
			}
		}()
	}
}

// answer makes a response of a question (RFC 1035, 4.1).
func answer(message []byte) []byte {
	name, end := name(message)
	if name == "" || end+4 > len(message) {
		return nil
	}
	addresses, code := lookUp(strings.ToLower(name))
	if message[end+1] != typeA {
		addresses = nil
	}
	response := append([]byte{}, message[:end+4]...)
	response[2], response[3] = 0x84|message[2]&1, 0x80|byte(code)
	copy(response[4:], []byte{0, 1, 0, byte(len(addresses)), 0, 0, 0, 0})
	for _, address := range addresses {
		response = append(response, position>>8, position&0xff, 0, typeA, 0, 1, 0, 0, 0, 5, 0, 4)
		response = append(response, address...)
	}
	return response
}

// name reads the name of the question, and where it ends.
func name(message []byte) (string, int) {
	var labels []string
	at := 12
	for at < len(message) && message[at] != 0 {
		end := at + 1 + int(message[at])
		if message[at] > 63 || end >= len(message) {
			return "", 0
		}
		labels = append(labels, string(message[at+1:end]))
		at = end
	}
	return strings.Join(labels, "."), at + 1
}

func lookUp(name string) ([]net.IP, int) {
	parts := strings.Split(strings.TrimSuffix(name, domain), ".")
	if !strings.HasSuffix(name, domain) {
		if strings.HasSuffix(name, "cluster.local") {
			return nil, unknown
		}
		return nil, failure
	}
	if len(parts) != 2 {
		return nil, unknown
	}
	locked.RLock()
	defer locked.RUnlock()
	key := parts[0] + "." + parts[1]
	service, exists := known["services"][key]
	if !exists {
		return nil, unknown
	}
	if service.Spec.ClusterIP != "None" {
		return []net.IP{net.ParseIP(service.Spec.ClusterIP).To4()}, noError
	}
	var found []net.IP
	for _, subset := range known["endpoints"][key].Subsets {
		for _, address := range subset.Addresses {
			if ip := net.ParseIP(address.IP).To4(); ip != nil && len(found) < 20 {
				found = append(found, ip)
			}
		}
	}
	return found, noError
}

// watch keeps up with objects of a kind until the API ends it.
func watch(kind string) error {
	response, err := get("/api/v1/" + kind)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var all struct {
		Metadata struct{ ResourceVersion string }
		Items    []object
	}
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		return err
	}
	found := map[string]object{}
	for _, item := range all.Items {
		found[item.Metadata.Name+"."+item.Metadata.Namespace] = item
	}
	locked.Lock()
	known[kind] = found
	locked.Unlock()
	stream, err := get("/api/v1/" + kind + "?watch=1&timeoutSeconds=300&resourceVersion=" + all.Metadata.ResourceVersion)
	if err != nil {
		return err
	}
	defer stream.Body.Close()
	for decoder := json.NewDecoder(stream.Body); ; {
		var change event
		if err := decoder.Decode(&change); err != nil || change.Type == "ERROR" {
			return fmt.Errorf("watching %s: %s %v", kind, change.Type, err)
		}
		key := change.Object.Metadata.Name + "." + change.Object.Metadata.Namespace
		locked.Lock()
		if change.Type == "DELETED" {
			delete(known[kind], key)
		} else {
			known[kind][key] = change.Object
		}
		locked.Unlock()
	}
}

// get asks the API.
func get(path string) (*http.Response, error) {
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest("GET", "https://"+server+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return response, err
}
