//! A response of the container runtime, whatever its frame and message hold, is read or refused.
#![no_main]

use kubewright::host::cri::messages::{
    ContainerStatusResponse, ImageStatusResponse, ListContainersResponse, ListPodSandboxResponse, StatusResponse,
};
use kubewright::host::cri::{Status, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let response = bytes.to_vec().into();
    if let Ok(answer) = decode::<StatusResponse>(&response) {
        let _ = Status::new(&answer);
    }
    let _ = decode::<ListContainersResponse>(&response);
    let _ = decode::<ListPodSandboxResponse>(&response);
    let _ = decode::<ContainerStatusResponse>(&response);
    let _ = decode::<ImageStatusResponse>(&response);
});
