// flannel connects the Pods of hosts by VXLAN, as flannel does: the lab's stand-in, because Debian has no flannel.
//
// It runs where flannel's images would, with their DaemonSet, account and settings. A container runtime runs it as CNI plugin, which
// has the bridge plugin do the work. Otherwise it is the daemon: interface flannel.1, a route and addresses for each other node,
// UDP port 8472, and the file that the plugin reads. Hardware addresses follow from those of the nodes, so that nothing is announced.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	account  = "/var/run/secrets/kubernetes.io/serviceaccount/"
	settings = "/etc/kube-flannel/net-conf.json"
	state    = "/run/flannel/subnet.env"
	device   = "flannel.1"
	overhead = 50
)

type node struct {
	Metadata struct{ Name string }
	Spec     struct{ PodCIDR string }
	Status   struct {
		Addresses []struct{ Type, Address string }
	}
}

func main() {
	if command := os.Getenv("CNI_COMMAND"); command != "" {
		plugin(command)
		return
	}
	var address string
	for _, argument := range os.Args[1:] {
		address = strings.TrimPrefix(argument, "--iface=")
	}
	for {
		if err := connect(address); err != nil {
			log.Print(err)
		}
		time.Sleep(2 * time.Second)
	}
}

// connect makes everything as the nodes of the cluster are now.
func connect(address string) error {
	var network struct{ Network string }
	text, err := os.ReadFile(settings)
	if err == nil {
		err = json.Unmarshal(text, &network)
	}
	if err != nil {
		return err
	}
	nodes, err := list()
	if err != nil {
		return err
	}
	under, err := interfaceWith(address)
	if err != nil {
		return err
	}
	var script, table []string
	for _, one := range nodes {
		at := internal(one)
		subnet, _, err := net.ParseCIDR(one.Spec.PodCIDR)
		if err != nil {
			continue
		}
		if at != address {
			script = append(script,
				fmt.Sprintf("neigh replace %s lladdr %s dev %s nud permanent", subnet, hardware(at), device),
				fmt.Sprintf("route replace %s via %s dev %s onlink", one.Spec.PodCIDR, subnet, device))
			table = append(table, fmt.Sprintf("fdb replace %s dev %s dst %s self permanent", hardware(at), device, at))
			continue
		}
		mtu := under.MTU - overhead
		if _, err := net.InterfaceByName(device); err != nil {
			add := "link add %s address %s mtu %d type vxlan id 1 dev %s local %s dstport 8472 nolearning\naddress add %s/32 dev %s\nlink set %s up\n"
			if err := run(fmt.Sprintf(add, device, hardware(at), mtu, under.Name, address, subnet, device, device), "ip", "-batch", "-"); err != nil {
				return err
			}
		}
		gateway := strings.Replace(one.Spec.PodCIDR, ".0/", ".1/", 1)
		text := fmt.Sprintf("FLANNEL_NETWORK=%s\nFLANNEL_SUBNET=%s\nFLANNEL_MTU=%d\nFLANNEL_IPMASQ=true\n", network.Network, gateway, mtu)
		if err := os.WriteFile(state, []byte(text), 0o644); err != nil {
			return err
		}
	}
	rule := []string{"POSTROUTING", "-s", network.Network, "!", "-d", network.Network, "-j", "MASQUERADE"}
	if run("", "iptables", append([]string{"-w", "-t", "nat", "-C"}, rule...)...) != nil {
		if err := run("", "iptables", append([]string{"-w", "-t", "nat", "-A"}, rule...)...); err != nil {
			return err
		}
	}
	if err := run(strings.Join(table, "\n")+"\n", "bridge", "-batch", "-"); err != nil {
		return err
	}
	return run(strings.Join(script, "\n")+"\n", "ip", "-batch", "-")
}

func run(input, program string, arguments ...string) error {
	command := exec.Command(program, arguments...)
	command.Stdin = strings.NewReader(input)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", program, arguments, err, output)
	}
	return nil
}

func internal(one node) string {
	for _, address := range one.Status.Addresses {
		if address.Type == "InternalIP" {
			return address.Address
		}
	}
	return ""
}

func hardware(address string) string {
	bytes := net.ParseIP(address).To4()
	return fmt.Sprintf("02:f1:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3])
}

func interfaceWith(address string) (net.Interface, error) {
	all, err := net.Interfaces()
	for _, one := range all {
		addresses, _ := one.Addrs()
		for _, found := range addresses {
			if strings.HasPrefix(found.String(), address+"/") {
				return one, nil
			}
		}
	}
	return net.Interface{}, fmt.Errorf("no interface has the address %q: %v", address, err)
}

// list returns the nodes of the cluster.
func list() ([]node, error) {
	var found struct{ Items []node }
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest("GET", "https://"+server+"/api/v1/nodes", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the API answers: %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&found)
	return found.Items, err
}

// plugin gives the bridge plugin a configuration for this host's network of Pods.
func plugin(command string) {
	if command == "VERSION" {
		fmt.Println(`{"cniVersion": "0.4.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0"]}`)
		return
	}
	input, err := io.ReadAll(os.Stdin)
	var given map[string]any
	if err == nil {
		err = json.Unmarshal(input, &given)
	}
	refuse(err)
	text, err := os.ReadFile(state)
	if err != nil && command == "DEL" {
		return
	}
	refuse(err)
	values := map[string]string{}
	for _, line := range strings.Fields(string(text)) {
		name, value, _ := strings.Cut(line, "=")
		values[name] = value
	}
	network, _ := given["delegate"].(map[string]any)
	network["name"], network["cniVersion"], network["type"] = given["name"], given["cniVersion"], "bridge"
	network["isGateway"], network["ipMasq"] = true, false
	network["mtu"] = json.Number(values["FLANNEL_MTU"])
	network["ipam"] = map[string]any{
		"type":   "host-local",
		"ranges": [][]any{{map[string]any{"subnet": strings.Replace(values["FLANNEL_SUBNET"], ".1/", ".0/", 1)}}},
		"routes": []any{map[string]any{"dst": values["FLANNEL_NETWORK"]}},
	}
	configuration, err := json.Marshal(network)
	refuse(err)
	for _, directory := range filepath.SplitList(os.Getenv("CNI_PATH")) {
		bridge := exec.Command(filepath.Join(directory, "bridge"))
		bridge.Stdin, bridge.Stdout, bridge.Stderr = strings.NewReader(string(configuration)), os.Stdout, os.Stderr
		if err := bridge.Run(); err == nil {
			return
		} else if _, ran := err.(*exec.ExitError); ran {
			os.Exit(1)
		}
	}
	refuse(fmt.Errorf("no bridge plugin in %s", os.Getenv("CNI_PATH")))
}

// refuse ends the plugin with an error as CNI wants it.
func refuse(err error) {
	if err != nil {
		answer, _ := json.Marshal(map[string]any{"cniVersion": "0.3.1", "code": 100, "msg": err.Error()})
		fmt.Println(string(answer))
		os.Exit(1)
	}
}
