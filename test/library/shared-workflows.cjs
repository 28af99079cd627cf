const { progressQuery } = require('bctrl-temporal/workflow');

exports.lookAround = async () => ({ isPackageShared: Object.isFrozen(progressQuery) });
