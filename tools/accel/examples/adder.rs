// SPDX-License-Identifier: GPL-2.0
//! A whole job, on the device that is not there: `accel_mock` adds 1 to every byte of a buffer.

use std::process::ExitCode;
use std::time::Duration;

use accel::Result;
use accel::Submit;
use accel::buffer::Placement;
use accel::device::nodes;
use accel::info;
use accel::info::Info;
use accel::job::Access;
use accel::job::Deadline;

fn main() -> ExitCode {
    match add() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("adder: no device with driver accel_mock, or it cannot add");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("adder: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether there is a device that can add.
fn add() -> Result<bool> {
    for node in nodes()? {
        let device = node.open()?;
        if device.info::<info::Device>()?.driver != "accel_mock" {
            continue;
        }
        let from = device.buffer(4096, Placement::Default)?;
        let to = device.buffer(4096, Placement::Default)?;
        from.map()?.copy_from_slice(0, b"HAL")?;

        let mut submit = Submit::new(&device);
        submit.buffer(&from, Access::Read)?;
        submit.buffer(&to, Access::Write)?;
        let status = submit
            .submit()?
            .wait(Deadline::after(Duration::from_secs(1)))?;

        let mut sum = [0; 4];
        to.map()?.copy_to_slice(0, &mut sum)?;
        println!("{} {:?}", String::from_utf8_lossy(&sum), status.run_time());
        return Ok(sum == *b"IBM\x01");
    }
    Ok(false)
}
