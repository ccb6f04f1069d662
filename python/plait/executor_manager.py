"""How batches are cut for several devices."""

__all__ = ["_split_input_slice"]


def _split_input_slice(batch_size, work_load_list):
    """One slice of the batch for each device.

    Parameters
    ----------
    batch_size : int
    work_load_list : list of float
        Shares of the devices.

    Returns
    -------
    list of slice

    Raises
    ------
    ValueError
        If a device would get nothing.
    """
    total, at, slices = sum(work_load_list), 0.0, []
    for share in work_load_list:
        begin = round(at / total * batch_size)
        at += share
        slices.append(slice(begin, round(at / total * batch_size)))
    if any(s.start == s.stop for s in slices):
        raise ValueError(f"batch of {batch_size} is too small for {len(work_load_list)} devices")
    return slices
