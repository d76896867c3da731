// SPDX-License-Identifier: GPL-2.0
//! Jobs that are checked once and submitted again and again.

use accel_uapi::accel_job_replace;
use rustix::io::Errno;

use super::Job;
use super::Submit;
use super::refusal;
use crate::buffer::Buffer;
use crate::error::Error;
use crate::error::Result;
use crate::sys::job as sys;
use crate::timeline::Point;

/// A job that the driver has checked. Dropping it gives it back; what was submitted runs on.
#[derive(Debug)]
pub struct Prepared {
    /// The job, with the points of the next submission.
    job: Submit,
    number: u32,
    /// What the next submission is to replace.
    replace: Vec<accel_job_replace>,
}

impl Submit {
    /// Have the job checked, to be submitted again and again with other buffers. It has no points:
    /// each submission has its own.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] by the driver; [`Error::Call`]: as [`submit`](Self::submit), `Unsupported` by
    /// the device, `Quota` the queue has too many.
    pub fn prepare(&self) -> Result<Prepared> {
        let (raw, result) = sys::job_prepare(
            &self.device,
            self.queue_number(),
            &self.named(),
            &self.payload,
        );
        result.map_err(|errno| {
            let (reason, at) = (raw.refused_reason, raw.refused_at);
            Error::in_payload("prepare a job", errno, reason, at)
        })?;
        let job = Submit {
            points: Vec::new(),
            payload: Vec::new(),
            ..self.clone()
        };
        Ok(Prepared {
            job,
            number: raw.handle,
            replace: Vec::new(),
        })
    }
}

impl Prepared {
    /// Let `buffer` take the place of the one that [`Submit::buffer`] returned `index` for, from the
    /// next submission on. It must be in the same kind of memory, and as large at least.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignBuffer`].
    pub fn replace(&mut self, index: u32, buffer: &Buffer) -> Result<()> {
        if !buffer.device().same_client(&self.job.device) {
            return Err(Error::ForeignBuffer);
        }
        self.replace.retain(|old| old.buffer != index);
        self.replace.push(accel_job_replace {
            buffer: index,
            handle: buffer.number(),
        });
        // So that its handle is there when it is submitted.
        if let Some((named, _)) = self.job.buffers.get_mut(index as usize) {
            *named = buffer.clone();
        }
        Ok(())
    }

    /// As [`Submit::wait_for`], for the next submission.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignTimeline`].
    pub fn wait_for(&mut self, point: &Point) -> Result<()> {
        self.job.wait_for(point)
    }

    /// As [`Submit::signal`], for the next submission.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignTimeline`].
    pub fn signal(&mut self, point: &Point) -> Result<()> {
        self.job.signal(point)
    }

    /// Queue the job, as [`Submit::submit`]. If that fails, what was to be replaced and its points are
    /// those of the next attempt.
    ///
    /// # Errors
    ///
    /// [`Error::Call`]: as [`Submit::submit`]; `Busy` the job of the last submission has not ended;
    /// `Invalid` a buffer cannot take the place of another one.
    pub fn submit(&mut self) -> Result<Job> {
        let points = self.job.points();
        let job = sys::NewJob {
            what: sys::What::Prepared {
                number: self.number,
                replace: &self.replace,
            },
            points: &points,
        };
        let (numbers, raw, result) = sys::submit(&self.job.device, self.job.queue_number(), &[job]);
        result.map_err(|errno| refusal(&raw, errno))?;
        self.replace.clear();
        self.job.points.clear();
        match numbers.first() {
            Some(number) => Ok(self.job.numbered(*number)),
            None => Err(Error::in_call("submit a job")(Errno::INVAL)),
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // It fails only when the device is gone, and then there is nothing to give back.
        let _ = sys::job_release(&self.job.device, self.job.queue_number(), self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::error::Cause;
    use crate::job::Access;

    #[test]
    fn the_last_replacement_counts() {
        let device = Device::open("/dev/null").unwrap();
        let [a, b, c] = [7, 8, 9].map(|number| Buffer::fake(&device, number));
        let mut job = Submit::new(&device);
        let index = job.buffer(&a, Access::Read).unwrap();
        assert_eq!(
            job.prepare().unwrap_err().cause(),
            Some(Cause::NoSuchCommand)
        );
        let mut prepared = Prepared {
            job,
            number: 1,
            replace: Vec::new(),
        };
        prepared.replace(index, &b).unwrap();
        prepared.replace(index, &c).unwrap();
        let replaced = prepared.replace.iter();
        let replaced: Vec<_> = replaced.map(|r| (r.buffer, r.handle)).collect();
        assert_eq!(replaced, [(index, 9)]);
        let foreign = Buffer::fake(&Device::open("/dev/null").unwrap(), 7);
        assert_eq!(prepared.replace(index, &foreign), Err(Error::ForeignBuffer));
    }
}
