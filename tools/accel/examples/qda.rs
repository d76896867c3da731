// SPDX-License-Identifier: GPL-2.0
//! Multiplies two matrices on a QDA card.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use accel::Device;
use accel::device::nodes;
use accel::info::EngineKind;
use accel::info::Info;
use accel::job::Deadline;
use accel::qda;
use accel::qda::Matrix;
use accel::qda::Workspace;
use accel::qda::tensor;
use accel::queue::Priority;

/// Rows and columns.
const N: usize = 64;
/// Bytes of a matrix of F32.
const SIZE: usize = N * N * 4;

fn main() -> ExitCode {
    match multiply() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qda: {error}");
            ExitCode::FAILURE
        }
    }
}

fn multiply() -> Result<(), Box<dyn Error>> {
    let card = open_card()?;

    // An address space of the card, and in it memory of the host: A, B and D, one behind the other.
    let workspace = Workspace::new(&card)?;
    let memory = workspace.host_memory(3 * SIZE as u64)?;
    let matrix = |number| Matrix::f32(memory.address() + number * SIZE as u64, N as u32, N as u32);
    let (a, b, d) = (matrix(0), matrix(1), matrix(2));

    // The program maps the same memory, and writes A and B.
    let left: Vec<f32> = (0..N * N).map(|i| (i % 7) as f32).collect();
    let right: Vec<f32> = (0..N * N).map(|i| (i % 5) as f32 - 2.0).collect();
    let mut bytes = memory.buffer().map()?;
    bytes.copy_from_slice(0, &to_bytes(&left))?;
    bytes.copy_from_slice(SIZE, &to_bytes(&right))?;

    // A job of one packet, for one of the engines that compute: D = A x B.
    let queue = workspace.queue(EngineKind::Compute, Priority::Normal)?;
    let job = qda::job(&queue, &[tensor::gemm(a, b, d)?]).submit()?;
    let status = job.wait(Deadline::after(Duration::from_secs(1)))?;

    // It has ended well, so D is there.
    let mut product = vec![0; SIZE];
    bytes.copy_to_slice(2 * SIZE, &mut product)?;
    if product != to_bytes(&product_of(&left, &right)) {
        return Err("the card computes something else than the CPU".into());
    }
    let time = status.run_time().unwrap_or_default();
    println!("{N} x {N} numbers, as the CPU has them, in {time:?}");
    Ok(())
}

/// The first QDA card of this system.
fn open_card() -> Result<Device, Box<dyn Error>> {
    for node in nodes()? {
        let device = node.open()?;
        if device.info::<accel::info::Device>()?.driver == qda::DRIVER {
            return Ok(device);
        }
    }
    Err("there is no QDA card: no device has driver accel_qda".into())
}

/// Numbers as the card has them: F32, in little endian.
fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

/// The product by the CPU. All sums are integers that F32 has, so their order does not matter.
fn product_of(left: &[f32], right: &[f32]) -> Vec<f32> {
    let element = |i: usize, j: usize| (0..N).map(|k| left[i * N + k] * right[k * N + j]).sum();
    (0..N * N).map(|at| element(at / N, at % N)).collect()
}
