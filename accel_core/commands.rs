// SPDX-License-Identifier: GPL-2.0

//! The commands of the compute node, by their numbers (`uapi/accel/accel.h`).

use kernel::ioctl::{
    _IOW,
    _IOWR, //
};

use crate::{
    address_space_ioctl,
    alarm,
    buffer_ioctl,
    context,
    dma_buf,
    doorbell_ioctl,
    driver::Driver,
    file::{
        File,
        INFO, //
    },
    ioctl::{
        core_row,
        Table, //
    },
    prepare,
    purge,
    queue_ioctl,
    submit::submit,
    timeline_ioctl,
    timeline_wait,
    uapi::{
        accel_address_space_create,
        accel_address_space_destroy,
        accel_address_space_map,
        accel_address_space_protect,
        accel_address_space_unmap,
        accel_buffer_advise,
        accel_buffer_close,
        accel_buffer_create,
        accel_buffer_export,
        accel_buffer_import,
        accel_buffer_info,
        accel_buffer_label,
        accel_buffer_pin,
        accel_buffer_sync,
        accel_context_create,
        accel_context_destroy,
        accel_doorbell_close,
        accel_doorbell_create,
        accel_failure_eventfd,
        accel_info,
        accel_job_prepare,
        accel_job_release,
        accel_queue_create,
        accel_queue_destroy,
        accel_submit,
        accel_timeline_close,
        accel_timeline_create,
        accel_timeline_eventfd,
        accel_timeline_export,
        accel_timeline_import,
        accel_timeline_query,
        accel_timeline_signal,
        accel_timeline_transfer,
        accel_timeline_wait,
        accel_user_queue_create,
        accel_user_queue_destroy,
        accel_user_queue_query,
        accel_wait,
        ACCEL_IOCTL_TYPE, //
    },
    user_queue_ioctl,
    wait::wait, //
};

impl<T: Driver> File<T> {
    pub(crate) const COMMANDS: &'static Table<Self> = &Table::new([
        core_row!(INFO, accel_info, data, Self::info),
        core_row!(
            _IOWR::<accel_submit>(ACCEL_IOCTL_TYPE, 0x10),
            accel_submit,
            nr_submitted,
            submit::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOWR::<accel_wait>(ACCEL_IOCTL_TYPE, 0x11),
            accel_wait,
            deadline_ns,
            wait::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOWR::<accel_job_prepare>(ACCEL_IOCTL_TYPE, 0x16),
            accel_job_prepare,
            handle,
            prepare::prepare::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOW::<accel_job_release>(ACCEL_IOCTL_TYPE, 0x17),
            accel_job_release,
            reserved,
            prepare::release::<T>
        ),
        core_row!(
            _IOWR::<accel_context_create>(ACCEL_IOCTL_TYPE, 0x12),
            accel_context_create,
            reserved,
            context::create::<T>
        ),
        core_row!(
            _IOW::<accel_context_destroy>(ACCEL_IOCTL_TYPE, 0x13),
            accel_context_destroy,
            flags,
            context::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_queue_create>(ACCEL_IOCTL_TYPE, 0x14),
            accel_queue_create,
            handle,
            queue_ioctl::create::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOW::<accel_queue_destroy>(ACCEL_IOCTL_TYPE, 0x15),
            accel_queue_destroy,
            flags,
            queue_ioctl::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_user_queue_create>(ACCEL_IOCTL_TYPE, 0x32),
            accel_user_queue_create,
            handle,
            user_queue_ioctl::create::<T>,
            out_on_error: true,
        ),
        core_row!(
            _IOW::<accel_user_queue_destroy>(ACCEL_IOCTL_TYPE, 0x33),
            accel_user_queue_destroy,
            flags,
            user_queue_ioctl::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_user_queue_query>(ACCEL_IOCTL_TYPE, 0x34),
            accel_user_queue_query,
            fault_address,
            user_queue_ioctl::query::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_create>(ACCEL_IOCTL_TYPE, 0x08),
            accel_buffer_create,
            mmap_offset,
            buffer_ioctl::create::<T>,
        ),
        core_row!(
            _IOW::<accel_buffer_close>(ACCEL_IOCTL_TYPE, 0x09),
            accel_buffer_close,
            flags,
            buffer_ioctl::close::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_info>(ACCEL_IOCTL_TYPE, 0x0a),
            accel_buffer_info,
            placement,
            buffer_ioctl::info::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_export>(ACCEL_IOCTL_TYPE, 0x0b),
            accel_buffer_export,
            fd,
            dma_buf::export_buffer::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_import>(ACCEL_IOCTL_TYPE, 0x0c),
            accel_buffer_import,
            placement,
            dma_buf::import_buffer::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_pin>(ACCEL_IOCTL_TYPE, 0x0d),
            accel_buffer_pin,
            handle,
            buffer_ioctl::pin::<T>
        ),
        core_row!(
            _IOW::<accel_buffer_sync>(ACCEL_IOCTL_TYPE, 0x0e),
            accel_buffer_sync,
            flags,
            buffer_ioctl::sync::<T>
        ),
        core_row!(
            _IOW::<accel_buffer_label>(ACCEL_IOCTL_TYPE, 0x0f),
            accel_buffer_label,
            label,
            buffer_ioctl::label::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_create>(ACCEL_IOCTL_TYPE, 0x18),
            accel_timeline_create,
            handle,
            timeline_ioctl::create::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_close>(ACCEL_IOCTL_TYPE, 0x19),
            accel_timeline_close,
            flags,
            timeline_ioctl::close::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_signal>(ACCEL_IOCTL_TYPE, 0x1a),
            accel_timeline_signal,
            flags,
            timeline_ioctl::signal::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_query>(ACCEL_IOCTL_TYPE, 0x1b),
            accel_timeline_query,
            last,
            timeline_ioctl::query::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_wait>(ACCEL_IOCTL_TYPE, 0x1c),
            accel_timeline_wait,
            first,
            timeline_wait::wait::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_transfer>(ACCEL_IOCTL_TYPE, 0x1d),
            accel_timeline_transfer,
            reserved,
            timeline_ioctl::transfer::<T>
        ),
        core_row!(
            _IOWR::<accel_timeline_export>(ACCEL_IOCTL_TYPE, 0x1e),
            accel_timeline_export,
            fd,
            timeline_ioctl::export::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_import>(ACCEL_IOCTL_TYPE, 0x1f),
            accel_timeline_import,
            fd,
            timeline_ioctl::import::<T>
        ),
        core_row!(
            _IOW::<accel_failure_eventfd>(ACCEL_IOCTL_TYPE, 0x38),
            accel_failure_eventfd,
            flags,
            alarm::eventfd::<T>
        ),
        core_row!(
            _IOW::<accel_timeline_eventfd>(ACCEL_IOCTL_TYPE, 0x20),
            accel_timeline_eventfd,
            fd,
            timeline_wait::eventfd::<T>
        ),
        core_row!(
            _IOWR::<accel_buffer_advise>(ACCEL_IOCTL_TYPE, 0x21),
            accel_buffer_advise,
            retained,
            purge::advise::<T>
        ),
        core_row!(
            _IOWR::<accel_address_space_create>(ACCEL_IOCTL_TYPE, 0x28),
            accel_address_space_create,
            page_sizes,
            address_space_ioctl::create::<T>
        ),
        core_row!(
            _IOW::<accel_address_space_destroy>(ACCEL_IOCTL_TYPE, 0x29),
            accel_address_space_destroy,
            flags,
            address_space_ioctl::destroy::<T>
        ),
        core_row!(
            _IOWR::<accel_address_space_map>(ACCEL_IOCTL_TYPE, 0x2a),
            accel_address_space_map,
            address,
            address_space_ioctl::map::<T>
        ),
        core_row!(
            _IOW::<accel_address_space_unmap>(ACCEL_IOCTL_TYPE, 0x2b),
            accel_address_space_unmap,
            size,
            address_space_ioctl::unmap::<T>
        ),
        core_row!(
            _IOW::<accel_address_space_protect>(ACCEL_IOCTL_TYPE, 0x2c),
            accel_address_space_protect,
            size,
            address_space_ioctl::protect::<T>
        ),
        core_row!(
            _IOWR::<accel_doorbell_create>(ACCEL_IOCTL_TYPE, 0x30),
            accel_doorbell_create,
            size,
            doorbell_ioctl::create::<T>
        ),
        core_row!(
            _IOW::<accel_doorbell_close>(ACCEL_IOCTL_TYPE, 0x31),
            accel_doorbell_close,
            flags,
            doorbell_ioctl::close::<T>
        ),
    ]);
}
